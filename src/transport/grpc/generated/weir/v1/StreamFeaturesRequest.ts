// Original file: proto/weir/v1/features.proto

import type { GetFeaturesRequest as _weir_v1_GetFeaturesRequest, GetFeaturesRequest__Output as _weir_v1_GetFeaturesRequest__Output } from '../../weir/v1/GetFeaturesRequest.ts';

export interface StreamFeaturesRequest {
  'requestId'?: (number);
  'request'?: (_weir_v1_GetFeaturesRequest | null);
}

export interface StreamFeaturesRequest__Output {
  'requestId'?: (number);
  'request'?: (_weir_v1_GetFeaturesRequest__Output);
}
