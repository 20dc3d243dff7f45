// Original file: proto/weir/v1/admin.proto


export interface RollbackDetectorRequest {
  'name'?: (string);
  'version'?: (number);
  'replay'?: (boolean);
}

export interface RollbackDetectorRequest__Output {
  'name'?: (string);
  'version'?: (number);
  'replay'?: (boolean);
}
