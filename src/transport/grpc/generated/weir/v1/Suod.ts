// Original file: proto/weir/v1/detectors.proto

import type { Estimator as _weir_v1_Estimator, Estimator__Output as _weir_v1_Estimator__Output } from '../../weir/v1/Estimator.ts';

export interface Suod {
  'combination'?: (string);
  'rpFlagGlobal'?: (boolean);
  'targetDimFrac'?: (number | string);
  'approxFlagGlobal'?: (boolean);
  'baseEstimators'?: (_weir_v1_Estimator)[];
  '_rpFlagGlobal'?: "rpFlagGlobal";
  '_targetDimFrac'?: "targetDimFrac";
  '_approxFlagGlobal'?: "approxFlagGlobal";
}

export interface Suod__Output {
  'combination'?: (string);
  'rpFlagGlobal'?: (boolean);
  'targetDimFrac'?: (number);
  'approxFlagGlobal'?: (boolean);
  'baseEstimators'?: (_weir_v1_Estimator__Output)[];
}
