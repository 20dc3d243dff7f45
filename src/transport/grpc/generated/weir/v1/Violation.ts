// Original file: proto/weir/v1/scoring.proto


export interface Violation {
  'field'?: (string);
  'message'?: (string);
}

export interface Violation__Output {
  'field'?: (string);
  'message'?: (string);
}
