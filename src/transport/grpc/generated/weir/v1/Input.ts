// Original file: proto/weir/v1/detectors.proto

import type { InputType as _weir_v1_InputType, InputType__Output as _weir_v1_InputType__Output } from '../../weir/v1/InputType.ts';
import type { Missing as _weir_v1_Missing, Missing__Output as _weir_v1_Missing__Output } from '../../weir/v1/Missing.ts';
import type { Encoding as _weir_v1_Encoding, Encoding__Output as _weir_v1_Encoding__Output } from '../../weir/v1/Encoding.ts';

export interface Input {
  'name'?: (string);
  'type'?: (_weir_v1_InputType);
  'defaultValue'?: (number | string);
  'missing'?: (_weir_v1_Missing);
  'rulesOnly'?: (boolean);
  'encoding'?: (_weir_v1_Encoding);
  '_defaultValue'?: "defaultValue";
}

export interface Input__Output {
  'name'?: (string);
  'type'?: (_weir_v1_InputType__Output);
  'defaultValue'?: (number);
  'missing'?: (_weir_v1_Missing__Output);
  'rulesOnly'?: (boolean);
  'encoding'?: (_weir_v1_Encoding__Output);
}
