// Original file: proto/weir/v1/features.proto

import type { KeyFeatures as _weir_v1_KeyFeatures, KeyFeatures__Output as _weir_v1_KeyFeatures__Output } from '../../weir/v1/KeyFeatures.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetFeaturesResponse {
  'features'?: (string)[];
  'keys'?: (_weir_v1_KeyFeatures)[];
  'timeUnixMs'?: (number | string | Long);
}

export interface GetFeaturesResponse__Output {
  'features'?: (string)[];
  'keys'?: (_weir_v1_KeyFeatures__Output)[];
  'timeUnixMs'?: (string);
}
