// Original file: proto/weir/v1/detectors.proto


export interface Limits {
  'low'?: (number | string);
  'high'?: (number | string);
}

export interface Limits__Output {
  'low'?: (number);
  'high'?: (number);
}
