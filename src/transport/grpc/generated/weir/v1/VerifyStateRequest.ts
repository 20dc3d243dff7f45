// Original file: proto/weir/v1/admin.proto


export interface VerifyStateRequest {
  'deep'?: (boolean);
}

export interface VerifyStateRequest__Output {
  'deep'?: (boolean);
}
