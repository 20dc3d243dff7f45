// Original file: proto/weir/v1/scoring.proto

import type { Event as _weir_v1_Event, Event__Output as _weir_v1_Event__Output } from '../../weir/v1/Event.ts';
import type { Frame as _weir_v1_Frame, Frame__Output as _weir_v1_Frame__Output } from '../../weir/v1/Frame.ts';
import type { Mode as _weir_v1_Mode, Mode__Output as _weir_v1_Mode__Output } from '../../weir/v1/Mode.ts';

export interface ScoreRequest {
  'detector'?: (string);
  'events'?: (_weir_v1_Event)[];
  'frame'?: (_weir_v1_Frame | null);
  'mode'?: (_weir_v1_Mode);
  'timeoutMs'?: (number);
  'explain'?: (boolean);
  'features'?: (boolean);
}

export interface ScoreRequest__Output {
  'detector'?: (string);
  'events'?: (_weir_v1_Event__Output)[];
  'frame'?: (_weir_v1_Frame__Output);
  'mode'?: (_weir_v1_Mode__Output);
  'timeoutMs'?: (number);
  'explain'?: (boolean);
  'features'?: (boolean);
}
