// Original file: proto/weir/v1/admin.proto

import type { Snapshot as _weir_v1_Snapshot, Snapshot__Output as _weir_v1_Snapshot__Output } from '../../weir/v1/Snapshot.ts';

export interface BackUpResponse {
  'snapshot'?: (_weir_v1_Snapshot | null);
}

export interface BackUpResponse__Output {
  'snapshot'?: (_weir_v1_Snapshot__Output);
}
