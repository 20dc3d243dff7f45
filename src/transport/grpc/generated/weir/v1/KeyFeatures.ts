// Original file: proto/weir/v1/features.proto


export interface KeyFeatures {
  'key'?: (string);
  'known'?: (boolean);
  'values'?: (number | string)[];
  'defaulted'?: (string)[];
  'exact'?: (boolean);
  'covered'?: (boolean);
}

export interface KeyFeatures__Output {
  'key'?: (string);
  'known'?: (boolean);
  'values'?: (number)[];
  'defaulted'?: (string)[];
  'exact'?: (boolean);
  'covered'?: (boolean);
}
