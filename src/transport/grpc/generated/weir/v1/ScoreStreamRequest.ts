// Original file: proto/weir/v1/scoring.proto

import type { ScoreRequest as _weir_v1_ScoreRequest, ScoreRequest__Output as _weir_v1_ScoreRequest__Output } from '../../weir/v1/ScoreRequest.ts';

export interface ScoreStreamRequest {
  'requestId'?: (number);
  'request'?: (_weir_v1_ScoreRequest | null);
}

export interface ScoreStreamRequest__Output {
  'requestId'?: (number);
  'request'?: (_weir_v1_ScoreRequest__Output);
}
