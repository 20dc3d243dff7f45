// Original file: proto/weir/v1/detectors.proto


export interface LocalOutlierFactor {
  'nNeighbors'?: (number);
  'p'?: (number | string);
  '_p'?: "p";
}

export interface LocalOutlierFactor__Output {
  'nNeighbors'?: (number);
  'p'?: (number);
}
