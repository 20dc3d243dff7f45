// Original file: proto/weir/v1/detectors.proto

import type { Hopping as _weir_v1_Hopping, Hopping__Output as _weir_v1_Hopping__Output } from '../../weir/v1/Hopping.ts';
import type { Trigger as _weir_v1_Trigger, Trigger__Output as _weir_v1_Trigger__Output } from '../../weir/v1/Trigger.ts';

export interface FeatureWindow {
  'sliding'?: (string);
  'hopping'?: (_weir_v1_Hopping | null);
  'tumbling'?: (string);
  'session'?: (string);
  'last'?: (number);
  'global'?: (_weir_v1_Trigger | null);
  'timeZone'?: (string);
}

export interface FeatureWindow__Output {
  'sliding'?: (string);
  'hopping'?: (_weir_v1_Hopping__Output);
  'tumbling'?: (string);
  'session'?: (string);
  'last'?: (number);
  'global'?: (_weir_v1_Trigger__Output);
  'timeZone'?: (string);
}
