// Original file: proto/weir/v1/admin.proto


export interface GetStateRequest {
}

export interface GetStateRequest__Output {
}
