// Original file: proto/weir/v1/admin.proto


export interface BackUpRequest {
  'directory'?: (string);
  'journal'?: (boolean);
}

export interface BackUpRequest__Output {
  'directory'?: (string);
  'journal'?: (boolean);
}
