// Original file: proto/weir/v1/admin.proto


export interface ExportDetectorRequest {
  'name'?: (string);
}

export interface ExportDetectorRequest__Output {
  'name'?: (string);
}
