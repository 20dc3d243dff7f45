// Original file: proto/weir/v1/admin.proto


export interface CreateSnapshotRequest {
}

export interface CreateSnapshotRequest__Output {
}
