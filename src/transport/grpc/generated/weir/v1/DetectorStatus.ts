// Original file: proto/weir/v1/detectors.proto

import type { Long } from '@grpc/proto-loader';

export interface DetectorStatus {
  'events'?: (number | string | Long);
  'keys'?: (number | string | Long);
  'anomalies'?: (number | string | Long);
  'fallbacks'?: (number | string | Long);
  'modelVersion'?: (number);
  'stateBytes'?: (number | string | Long);
  'schema'?: (number);
  'lastError'?: (string);
}

export interface DetectorStatus__Output {
  'events'?: (string);
  'keys'?: (string);
  'anomalies'?: (string);
  'fallbacks'?: (string);
  'modelVersion'?: (number);
  'stateBytes'?: (string);
  'schema'?: (number);
  'lastError'?: (string);
}
