// Original file: proto/weir/v1/detectors.proto


export interface DeleteDetectorRequest {
  'name'?: (string);
}

export interface DeleteDetectorRequest__Output {
  'name'?: (string);
}
