// Original file: proto/weir/v1/detectors.proto


export interface Filter {
  'input'?: (string);
  'equals'?: (string);
  'differs'?: (string);
  'less'?: (number | string);
  'atMost'?: (number | string);
  'greater'?: (number | string);
  'atLeast'?: (number | string);
  'equalTo'?: (number | string);
  '_equals'?: "equals";
  '_differs'?: "differs";
  '_less'?: "less";
  '_atMost'?: "atMost";
  '_greater'?: "greater";
  '_atLeast'?: "atLeast";
  '_equalTo'?: "equalTo";
}

export interface Filter__Output {
  'input'?: (string);
  'equals'?: (string);
  'differs'?: (string);
  'less'?: (number);
  'atMost'?: (number);
  'greater'?: (number);
  'atLeast'?: (number);
  'equalTo'?: (number);
}
