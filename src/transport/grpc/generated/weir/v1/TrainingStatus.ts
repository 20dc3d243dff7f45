// Original file: proto/weir/v1/detectors.proto

import type { State as _weir_v1_State, State__Output as _weir_v1_State__Output } from '../../weir/v1/State.ts';
import type { Swap as _weir_v1_Swap, Swap__Output as _weir_v1_Swap__Output } from '../../weir/v1/Swap.ts';
import type { Long } from '@grpc/proto-loader';

export interface TrainingStatus {
  'state'?: (_weir_v1_State);
  'windowRows'?: (number);
  'rowsUntilReady'?: (number);
  'rowsSinceTraining'?: (number | string | Long);
  'trainings'?: (number | string | Long);
  'failures'?: (number | string | Long);
  'lastTrainingMs'?: (number | string);
  'swaps'?: (_weir_v1_Swap)[];
}

export interface TrainingStatus__Output {
  'state'?: (_weir_v1_State__Output);
  'windowRows'?: (number);
  'rowsUntilReady'?: (number);
  'rowsSinceTraining'?: (string);
  'trainings'?: (string);
  'failures'?: (string);
  'lastTrainingMs'?: (number);
  'swaps'?: (_weir_v1_Swap__Output)[];
}
