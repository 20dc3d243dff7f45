// Original file: proto/weir/v1/admin.proto


export interface SetShadowShareResponse {
}

export interface SetShadowShareResponse__Output {
}
