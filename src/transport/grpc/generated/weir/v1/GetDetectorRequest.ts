// Original file: proto/weir/v1/detectors.proto


export interface GetDetectorRequest {
  'name'?: (string);
}

export interface GetDetectorRequest__Output {
  'name'?: (string);
}
