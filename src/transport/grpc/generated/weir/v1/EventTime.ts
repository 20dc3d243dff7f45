// Original file: proto/weir/v1/detectors.proto

import type { TimePolicy as _weir_v1_TimePolicy, TimePolicy__Output as _weir_v1_TimePolicy__Output } from '../../weir/v1/TimePolicy.ts';

export interface EventTime {
  'allowedLateness'?: (string);
  'late'?: (_weir_v1_TimePolicy);
  'futureTolerance'?: (string);
  'future'?: (_weir_v1_TimePolicy);
  'exactEvents'?: (number);
}

export interface EventTime__Output {
  'allowedLateness'?: (string);
  'late'?: (_weir_v1_TimePolicy__Output);
  'futureTolerance'?: (string);
  'future'?: (_weir_v1_TimePolicy__Output);
  'exactEvents'?: (number);
}
