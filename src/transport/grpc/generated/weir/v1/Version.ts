// Original file: proto/weir/v1/admin.proto

import type { VersionState as _weir_v1_VersionState, VersionState__Output as _weir_v1_VersionState__Output } from '../../weir/v1/VersionState.ts';
import type { DetectorSpec as _weir_v1_DetectorSpec, DetectorSpec__Output as _weir_v1_DetectorSpec__Output } from '../../weir/v1/DetectorSpec.ts';
import type { Long } from '@grpc/proto-loader';

export interface Version {
  'version'?: (number);
  'state'?: (_weir_v1_VersionState);
  'spec'?: (_weir_v1_DetectorSpec | null);
  'madeUnixMs'?: (number | string | Long);
  'fromPosition'?: (number | string | Long);
  'toPosition'?: (number | string | Long);
  'events'?: (number | string | Long);
  'eventsUntilReady'?: (number | string | Long);
  'keptState'?: (boolean);
  'problem'?: (string);
}

export interface Version__Output {
  'version'?: (number);
  'state'?: (_weir_v1_VersionState__Output);
  'spec'?: (_weir_v1_DetectorSpec__Output);
  'madeUnixMs'?: (string);
  'fromPosition'?: (string);
  'toPosition'?: (string);
  'events'?: (string);
  'eventsUntilReady'?: (string);
  'keptState'?: (boolean);
  'problem'?: (string);
}
