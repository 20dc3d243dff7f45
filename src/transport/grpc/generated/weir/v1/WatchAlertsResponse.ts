// Original file: proto/weir/v1/scoring.proto

import type { Verdict as _weir_v1_Verdict, Verdict__Output as _weir_v1_Verdict__Output } from '../../weir/v1/Verdict.ts';
import type { Long } from '@grpc/proto-loader';

export interface WatchAlertsResponse {
  'detector'?: (string);
  'key'?: (string);
  'timeUnixMs'?: (number | string | Long);
  'verdict'?: (_weir_v1_Verdict | null);
  'lost'?: (number | string | Long);
}

export interface WatchAlertsResponse__Output {
  'detector'?: (string);
  'key'?: (string);
  'timeUnixMs'?: (string);
  'verdict'?: (_weir_v1_Verdict__Output);
  'lost'?: (string);
}
