// Original file: proto/weir/v1/scoring.proto

import type { Source as _weir_v1_Source, Source__Output as _weir_v1_Source__Output } from '../../weir/v1/Source.ts';
import type { State as _weir_v1_State, State__Output as _weir_v1_State__Output } from '../../weir/v1/State.ts';
import type { Reason as _weir_v1_Reason, Reason__Output as _weir_v1_Reason__Output } from '../../weir/v1/Reason.ts';
import type { Timeliness as _weir_v1_Timeliness, Timeliness__Output as _weir_v1_Timeliness__Output } from '../../weir/v1/Timeliness.ts';

export interface Verdict {
  'eventId'?: (string);
  'score'?: (number | string);
  'anomaly'?: (boolean);
  'source'?: (_weir_v1_Source);
  'state'?: (_weir_v1_State);
  'rawScore'?: (number | string);
  'modelVersion'?: (number);
  'reasons'?: (_weir_v1_Reason)[];
  'defaulted'?: (string)[];
  'rule'?: (string);
  'systemAction'?: (boolean);
  'threshold'?: (number | string);
  'replayed'?: (boolean);
  'baseline'?: (number | string);
  'features'?: (number | string)[];
  'timeliness'?: (_weir_v1_Timeliness);
  'durable'?: (boolean);
  '_score'?: "score";
  '_baseline'?: "baseline";
}

export interface Verdict__Output {
  'eventId'?: (string);
  'score'?: (number);
  'anomaly'?: (boolean);
  'source'?: (_weir_v1_Source__Output);
  'state'?: (_weir_v1_State__Output);
  'rawScore'?: (number);
  'modelVersion'?: (number);
  'reasons'?: (_weir_v1_Reason__Output)[];
  'defaulted'?: (string)[];
  'rule'?: (string);
  'systemAction'?: (boolean);
  'threshold'?: (number);
  'replayed'?: (boolean);
  'baseline'?: (number);
  'features'?: (number)[];
  'timeliness'?: (_weir_v1_Timeliness__Output);
  'durable'?: (boolean);
}
