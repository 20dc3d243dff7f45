// Original file: proto/weir/v1/detectors.proto


export interface Combination {
  'of'?: (string);
  'to'?: (string);
}

export interface Combination__Output {
  'of'?: (string);
  'to'?: (string);
}
