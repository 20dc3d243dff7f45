// Original file: proto/weir/v1/detectors.proto


export interface Trigger {
  'everyEvents'?: (number);
  'every'?: (string);
  'onChange'?: (boolean);
}

export interface Trigger__Output {
  'everyEvents'?: (number);
  'every'?: (string);
  'onChange'?: (boolean);
}
