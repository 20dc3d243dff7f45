// Original file: proto/weir/v1/admin.proto


export interface ListVersionsRequest {
  'name'?: (string);
}

export interface ListVersionsRequest__Output {
  'name'?: (string);
}
