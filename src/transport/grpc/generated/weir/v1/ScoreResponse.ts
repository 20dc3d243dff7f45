// Original file: proto/weir/v1/scoring.proto

import type { Verdict as _weir_v1_Verdict, Verdict__Output as _weir_v1_Verdict__Output } from '../../weir/v1/Verdict.ts';
import type { FrameVerdicts as _weir_v1_FrameVerdicts, FrameVerdicts__Output as _weir_v1_FrameVerdicts__Output } from '../../weir/v1/FrameVerdicts.ts';

export interface ScoreResponse {
  'verdicts'?: (_weir_v1_Verdict)[];
  'frame'?: (_weir_v1_FrameVerdicts | null);
}

export interface ScoreResponse__Output {
  'verdicts'?: (_weir_v1_Verdict__Output)[];
  'frame'?: (_weir_v1_FrameVerdicts__Output);
}
