// Original file: proto/weir/v1/admin.proto


export interface ExportDetectorResponse {
  'chunk'?: (Buffer | Uint8Array | string);
}

export interface ExportDetectorResponse__Output {
  'chunk'?: (Buffer);
}
