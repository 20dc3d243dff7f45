// Original file: proto/weir/v1/admin.proto


export interface StopShadowRequest {
  'name'?: (string);
}

export interface StopShadowRequest__Output {
  'name'?: (string);
}
