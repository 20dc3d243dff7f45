// Original file: proto/weir/v1/scoring.proto


export interface Reason {
  'feature'?: (string);
  'contribution'?: (number | string);
  'value'?: (number | string);
  'expected'?: (number | string);
  'text'?: (string);
  '_expected'?: "expected";
}

export interface Reason__Output {
  'feature'?: (string);
  'contribution'?: (number);
  'value'?: (number);
  'expected'?: (number);
  'text'?: (string);
}
