// Original file: proto/weir/v1/detectors.proto

import type { Input as _weir_v1_Input, Input__Output as _weir_v1_Input__Output } from '../../weir/v1/Input.ts';
import type { Scaler as _weir_v1_Scaler, Scaler__Output as _weir_v1_Scaler__Output } from '../../weir/v1/Scaler.ts';
import type { HalfSpaceTrees as _weir_v1_HalfSpaceTrees, HalfSpaceTrees__Output as _weir_v1_HalfSpaceTrees__Output } from '../../weir/v1/HalfSpaceTrees.ts';
import type { Rule as _weir_v1_Rule, Rule__Output as _weir_v1_Rule__Output } from '../../weir/v1/Rule.ts';
import type { Source as _weir_v1_Source, Source__Output as _weir_v1_Source__Output } from '../../weir/v1/Source.ts';
import type { AtKeysMax as _weir_v1_AtKeysMax, AtKeysMax__Output as _weir_v1_AtKeysMax__Output } from '../../weir/v1/AtKeysMax.ts';
import type { Long } from '@grpc/proto-loader';

export interface DetectorSpec {
  'inputs'?: (_weir_v1_Input)[];
  'scaler'?: (_weir_v1_Scaler);
  'halfSpaceTrees'?: (_weir_v1_HalfSpaceTrees | null);
  'threshold'?: (number | string);
  'alertShare'?: (number | string);
  'burnInEvents'?: (number);
  'timeoutMs'?: (number);
  'batchWaitMs'?: (number);
  'rules'?: (_weir_v1_Rule)[];
  'defaultScore'?: (number | string);
  'fallback'?: (_weir_v1_Source)[];
  'cachedMaxAgeMs'?: (number);
  'keysMax'?: (number | string | Long);
  'atKeysMax'?: (_weir_v1_AtKeysMax);
  'keyTtlSeconds'?: (number);
  'idsMax'?: (number);
  'learnSystemActions'?: (boolean);
  'model'?: "halfSpaceTrees";
  '_threshold'?: "threshold";
  '_alertShare'?: "alertShare";
  '_burnInEvents'?: "burnInEvents";
  '_defaultScore'?: "defaultScore";
}

export interface DetectorSpec__Output {
  'inputs'?: (_weir_v1_Input__Output)[];
  'scaler'?: (_weir_v1_Scaler__Output);
  'halfSpaceTrees'?: (_weir_v1_HalfSpaceTrees__Output);
  'threshold'?: (number);
  'alertShare'?: (number);
  'burnInEvents'?: (number);
  'timeoutMs'?: (number);
  'batchWaitMs'?: (number);
  'rules'?: (_weir_v1_Rule__Output)[];
  'defaultScore'?: (number);
  'fallback'?: (_weir_v1_Source__Output)[];
  'cachedMaxAgeMs'?: (number);
  'keysMax'?: (string);
  'atKeysMax'?: (_weir_v1_AtKeysMax__Output);
  'keyTtlSeconds'?: (number);
  'idsMax'?: (number);
  'learnSystemActions'?: (boolean);
}
