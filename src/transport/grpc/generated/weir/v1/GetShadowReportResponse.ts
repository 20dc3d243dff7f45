// Original file: proto/weir/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface GetShadowReportResponse {
  'name'?: (string);
  'shadowed'?: (string);
  'share'?: (number | string);
  'rows'?: (number | string | Long);
  'rowsShed'?: (number | string | Long);
  'rowsBehind'?: (number | string | Long);
  'rankCorrelation'?: (number | string);
  'bothAlert'?: (number | string | Long);
  'onlyLiveAlerts'?: (number | string | Long);
  'onlyShadowAlerts'?: (number | string | Long);
  'populationStability'?: (number | string);
  'liveScores'?: (number | string | Long)[];
  'shadowScores'?: (number | string | Long)[];
  'liveRowUs'?: (number | string);
  'shadowRowUs'?: (number | string);
  'answered'?: (number | string | Long);
  'sinceUnixMs'?: (number | string | Long);
  '_rankCorrelation'?: "rankCorrelation";
  '_populationStability'?: "populationStability";
}

export interface GetShadowReportResponse__Output {
  'name'?: (string);
  'shadowed'?: (string);
  'share'?: (number);
  'rows'?: (string);
  'rowsShed'?: (string);
  'rowsBehind'?: (string);
  'rankCorrelation'?: (number);
  'bothAlert'?: (string);
  'onlyLiveAlerts'?: (string);
  'onlyShadowAlerts'?: (string);
  'populationStability'?: (number);
  'liveScores'?: (string)[];
  'shadowScores'?: (string)[];
  'liveRowUs'?: (number);
  'shadowRowUs'?: (number);
  'answered'?: (string);
  'sinceUnixMs'?: (string);
}
