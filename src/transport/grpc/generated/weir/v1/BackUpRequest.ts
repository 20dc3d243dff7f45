// Original file: proto/weir/v1/admin.proto


export interface BackUpRequest {
  'directory'?: (string);
}

export interface BackUpRequest__Output {
  'directory'?: (string);
}
