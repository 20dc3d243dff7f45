// Original file: proto/weir/v1/admin.proto

import type { Verdict as _weir_v1_Verdict, Verdict__Output as _weir_v1_Verdict__Output } from '../../weir/v1/Verdict.ts';
import type { Long } from '@grpc/proto-loader';

export interface ExplainVerdictResponse {
  'position'?: (number | string | Long);
  'row'?: (number);
  'detector'?: (string);
  'key'?: (string);
  'timeUnixMs'?: (number | string | Long);
  'version'?: (number);
  'answered'?: (_weir_v1_Verdict | null);
  'modelled'?: (_weir_v1_Verdict | null);
  'arrivalUnixMs'?: (number | string | Long);
}

export interface ExplainVerdictResponse__Output {
  'position'?: (string);
  'row'?: (number);
  'detector'?: (string);
  'key'?: (string);
  'timeUnixMs'?: (string);
  'version'?: (number);
  'answered'?: (_weir_v1_Verdict__Output);
  'modelled'?: (_weir_v1_Verdict__Output);
  'arrivalUnixMs'?: (string);
}
