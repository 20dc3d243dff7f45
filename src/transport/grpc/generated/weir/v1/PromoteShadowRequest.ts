// Original file: proto/weir/v1/admin.proto


export interface PromoteShadowRequest {
  'name'?: (string);
}

export interface PromoteShadowRequest__Output {
  'name'?: (string);
}
