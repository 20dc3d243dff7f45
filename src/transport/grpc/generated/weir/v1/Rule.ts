// Original file: proto/weir/v1/detectors.proto


export interface Rule {
  'name'?: (string);
  'when'?: (string);
  'score'?: (number | string);
}

export interface Rule__Output {
  'name'?: (string);
  'when'?: (string);
  'score'?: (number);
}
