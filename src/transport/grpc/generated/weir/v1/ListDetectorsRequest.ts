// Original file: proto/weir/v1/detectors.proto


export interface ListDetectorsRequest {
  'pageSize'?: (number);
  'pageToken'?: (string);
}

export interface ListDetectorsRequest__Output {
  'pageSize'?: (number);
  'pageToken'?: (string);
}
