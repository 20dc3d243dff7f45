// Original file: proto/weir/v1/detectors.proto


export interface Knn {
  'nNeighbors'?: (number);
  'method'?: (string);
  'p'?: (number | string);
  '_p'?: "p";
}

export interface Knn__Output {
  'nNeighbors'?: (number);
  'method'?: (string);
  'p'?: (number);
}
