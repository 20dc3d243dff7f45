// Original file: proto/weir/v1/detectors.proto


export interface ResetDetectorRequest {
  'name'?: (string);
}

export interface ResetDetectorRequest__Output {
  'name'?: (string);
}
