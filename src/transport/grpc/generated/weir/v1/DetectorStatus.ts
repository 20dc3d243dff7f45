// Original file: proto/weir/v1/detectors.proto

import type { TrainingStatus as _weir_v1_TrainingStatus, TrainingStatus__Output as _weir_v1_TrainingStatus__Output } from '../../weir/v1/TrainingStatus.ts';
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
  'training'?: (_weir_v1_TrainingStatus | null);
  'rowsLate'?: (number | string | Long);
  'rowsFuture'?: (number | string | Long);
  'keysInPanes'?: (number | string | Long);
  'heartbeatUnixMs'?: (number | string | Long);
  '_heartbeatUnixMs'?: "heartbeatUnixMs";
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
  'training'?: (_weir_v1_TrainingStatus__Output);
  'rowsLate'?: (string);
  'rowsFuture'?: (string);
  'keysInPanes'?: (string);
  'heartbeatUnixMs'?: (string);
}
