// Original file: proto/weir/v1/scoring.proto

import type { Violation as _weir_v1_Violation, Violation__Output as _weir_v1_Violation__Output } from '../../weir/v1/Violation.ts';

export interface Error {
  'code'?: (number);
  'message'?: (string);
  'violations'?: (_weir_v1_Violation)[];
  'reason'?: (string);
  'retryAfterMs'?: (number);
}

export interface Error__Output {
  'code'?: (number);
  'message'?: (string);
  'violations'?: (_weir_v1_Violation__Output)[];
  'reason'?: (string);
  'retryAfterMs'?: (number);
}
