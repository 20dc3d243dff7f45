// Original file: proto/weir/v1/detectors.proto


export interface Hopping {
  'size'?: (string);
  'slide'?: (string);
}

export interface Hopping__Output {
  'size'?: (string);
  'slide'?: (string);
}
