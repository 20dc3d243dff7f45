// Original file: proto/weir/v1/admin.proto


export interface StopShadowResponse {
}

export interface StopShadowResponse__Output {
}
