// Original file: proto/weir/v1/admin.proto

import type { Durability as _weir_v1_Durability, Durability__Output as _weir_v1_Durability__Output } from '../../weir/v1/Durability.ts';
import type { Snapshot as _weir_v1_Snapshot, Snapshot__Output as _weir_v1_Snapshot__Output } from '../../weir/v1/Snapshot.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetStateResponse {
  'durability'?: (_weir_v1_Durability);
  'learning'?: (boolean);
  'problem'?: (string);
  'position'?: (number | string | Long);
  'durablePosition'?: (number | string | Long);
  'oldestPosition'?: (number | string | Long);
  'journalBytes'?: (number | string | Long);
  'shards'?: (number);
  'snapshots'?: (_weir_v1_Snapshot)[];
}

export interface GetStateResponse__Output {
  'durability'?: (_weir_v1_Durability__Output);
  'learning'?: (boolean);
  'problem'?: (string);
  'position'?: (string);
  'durablePosition'?: (string);
  'oldestPosition'?: (string);
  'journalBytes'?: (string);
  'shards'?: (number);
  'snapshots'?: (_weir_v1_Snapshot__Output)[];
}
