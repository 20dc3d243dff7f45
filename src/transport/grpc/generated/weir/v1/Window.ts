// Original file: proto/weir/v1/detectors.proto

import type { Scope as _weir_v1_Scope, Scope__Output as _weir_v1_Scope__Output } from '../../weir/v1/Scope.ts';
import type { FlaggedRows as _weir_v1_FlaggedRows, FlaggedRows__Output as _weir_v1_FlaggedRows__Output } from '../../weir/v1/FlaggedRows.ts';

export interface Window {
  'rows'?: (number);
  'minSamples'?: (number);
  'retrainInterval'?: (number);
  'scope'?: (_weir_v1_Scope);
  'flaggedRows'?: (_weir_v1_FlaggedRows);
}

export interface Window__Output {
  'rows'?: (number);
  'minSamples'?: (number);
  'retrainInterval'?: (number);
  'scope'?: (_weir_v1_Scope__Output);
  'flaggedRows'?: (_weir_v1_FlaggedRows__Output);
}
