// Original file: proto/weir/v1/scoring.proto

import type { ScoreResponse as _weir_v1_ScoreResponse, ScoreResponse__Output as _weir_v1_ScoreResponse__Output } from '../../weir/v1/ScoreResponse.ts';
import type { Error as _weir_v1_Error, Error__Output as _weir_v1_Error__Output } from '../../weir/v1/Error.ts';

export interface ScoreStreamResponse {
  'requestId'?: (number);
  'response'?: (_weir_v1_ScoreResponse | null);
  'error'?: (_weir_v1_Error | null);
  'result'?: "response"|"error";
}

export interface ScoreStreamResponse__Output {
  'requestId'?: (number);
  'response'?: (_weir_v1_ScoreResponse__Output);
  'error'?: (_weir_v1_Error__Output);
}
