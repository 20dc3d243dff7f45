// Original file: proto/weir/v1/detectors.proto


export interface IsolationForest {
  'nEstimators'?: (number);
  'maxSamples'?: (number);
  'maxFeatures'?: (number | string);
  'bootstrap'?: (boolean);
  '_maxFeatures'?: "maxFeatures";
  '_bootstrap'?: "bootstrap";
}

export interface IsolationForest__Output {
  'nEstimators'?: (number);
  'maxSamples'?: (number);
  'maxFeatures'?: (number);
  'bootstrap'?: (boolean);
}
