// Original file: proto/weir/v1/admin.proto

import type { Snapshot as _weir_v1_Snapshot, Snapshot__Output as _weir_v1_Snapshot__Output } from '../../weir/v1/Snapshot.ts';

export interface ListSnapshotsResponse {
  'snapshots'?: (_weir_v1_Snapshot)[];
}

export interface ListSnapshotsResponse__Output {
  'snapshots'?: (_weir_v1_Snapshot__Output)[];
}
