// Original file: proto/weir/v1/admin.proto


export interface ListSnapshotsRequest {
}

export interface ListSnapshotsRequest__Output {
}
