// Original file: proto/weir/v1/detectors.proto


export interface OneClassSvm {
  'kernel'?: (string);
  'degree'?: (number);
  'gamma'?: (number | string);
  'coef0'?: (number | string);
  'tol'?: (number | string);
  'nu'?: (number | string);
  'shrinking'?: (boolean);
  '_gamma'?: "gamma";
  '_coef0'?: "coef0";
  '_tol'?: "tol";
  '_nu'?: "nu";
  '_shrinking'?: "shrinking";
}

export interface OneClassSvm__Output {
  'kernel'?: (string);
  'degree'?: (number);
  'gamma'?: (number);
  'coef0'?: (number);
  'tol'?: (number);
  'nu'?: (number);
  'shrinking'?: (boolean);
}
