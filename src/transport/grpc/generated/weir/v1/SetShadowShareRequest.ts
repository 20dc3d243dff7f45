// Original file: proto/weir/v1/admin.proto


export interface SetShadowShareRequest {
  'name'?: (string);
  'share'?: (number | string);
}

export interface SetShadowShareRequest__Output {
  'name'?: (string);
  'share'?: (number);
}
