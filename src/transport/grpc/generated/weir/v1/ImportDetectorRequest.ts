// Original file: proto/weir/v1/admin.proto


export interface ImportDetectorRequest {
  'name'?: (string);
  'chunk'?: (Buffer | Uint8Array | string);
}

export interface ImportDetectorRequest__Output {
  'name'?: (string);
  'chunk'?: (Buffer);
}
