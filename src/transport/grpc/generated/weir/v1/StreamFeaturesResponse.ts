// Original file: proto/weir/v1/features.proto

import type { GetFeaturesResponse as _weir_v1_GetFeaturesResponse, GetFeaturesResponse__Output as _weir_v1_GetFeaturesResponse__Output } from '../../weir/v1/GetFeaturesResponse.ts';
import type { Error as _weir_v1_Error, Error__Output as _weir_v1_Error__Output } from '../../weir/v1/Error.ts';

export interface StreamFeaturesResponse {
  'requestId'?: (number);
  'response'?: (_weir_v1_GetFeaturesResponse | null);
  'error'?: (_weir_v1_Error | null);
  'result'?: "response"|"error";
}

export interface StreamFeaturesResponse__Output {
  'requestId'?: (number);
  'response'?: (_weir_v1_GetFeaturesResponse__Output);
  'error'?: (_weir_v1_Error__Output);
}
