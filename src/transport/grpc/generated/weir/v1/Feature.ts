// Original file: proto/weir/v1/detectors.proto

import type { Aggregate as _weir_v1_Aggregate, Aggregate__Output as _weir_v1_Aggregate__Output } from '../../weir/v1/Aggregate.ts';
import type { FeatureWindow as _weir_v1_FeatureWindow, FeatureWindow__Output as _weir_v1_FeatureWindow__Output } from '../../weir/v1/FeatureWindow.ts';
import type { Filter as _weir_v1_Filter, Filter__Output as _weir_v1_Filter__Output } from '../../weir/v1/Filter.ts';
import type { Encode as _weir_v1_Encode, Encode__Output as _weir_v1_Encode__Output } from '../../weir/v1/Encode.ts';
import type { Combination as _weir_v1_Combination, Combination__Output as _weir_v1_Combination__Output } from '../../weir/v1/Combination.ts';

export interface Feature {
  'name'?: (string);
  'of'?: (string);
  'aggregate'?: (_weir_v1_Aggregate);
  'window'?: (_weir_v1_FeatureWindow | null);
  'where'?: (_weir_v1_Filter | null);
  'defaultValue'?: (number | string);
  'excludeCurrent'?: (boolean);
  'quantile'?: (number | string);
  'category'?: (string);
  'n'?: (number);
  'unit'?: (string);
  'encode'?: (_weir_v1_Encode);
  'ratio'?: (_weir_v1_Combination | null);
  'difference'?: (_weir_v1_Combination | null);
  'hidden'?: (boolean);
  '_defaultValue'?: "defaultValue";
  '_quantile'?: "quantile";
}

export interface Feature__Output {
  'name'?: (string);
  'of'?: (string);
  'aggregate'?: (_weir_v1_Aggregate__Output);
  'window'?: (_weir_v1_FeatureWindow__Output);
  'where'?: (_weir_v1_Filter__Output);
  'defaultValue'?: (number);
  'excludeCurrent'?: (boolean);
  'quantile'?: (number);
  'category'?: (string);
  'n'?: (number);
  'unit'?: (string);
  'encode'?: (_weir_v1_Encode__Output);
  'ratio'?: (_weir_v1_Combination__Output);
  'difference'?: (_weir_v1_Combination__Output);
  'hidden'?: (boolean);
}
