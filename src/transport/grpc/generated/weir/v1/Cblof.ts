// Original file: proto/weir/v1/detectors.proto


export interface Cblof {
  'nClusters'?: (number);
  'alpha'?: (number | string);
  'beta'?: (number | string);
  'useWeights'?: (boolean);
  '_alpha'?: "alpha";
  '_beta'?: "beta";
  '_useWeights'?: "useWeights";
}

export interface Cblof__Output {
  'nClusters'?: (number);
  'alpha'?: (number);
  'beta'?: (number);
  'useWeights'?: (boolean);
}
