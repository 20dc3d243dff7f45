// Original file: proto/weir/v1/detectors.proto


export interface Hbos {
  'nBins'?: (number);
  'alpha'?: (number | string);
  'tol'?: (number | string);
  '_alpha'?: "alpha";
  '_tol'?: "tol";
}

export interface Hbos__Output {
  'nBins'?: (number);
  'alpha'?: (number);
  'tol'?: (number);
}
