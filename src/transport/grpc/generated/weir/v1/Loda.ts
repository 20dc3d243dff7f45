// Original file: proto/weir/v1/detectors.proto


export interface Loda {
  'nBins'?: (number);
  'nRandomCuts'?: (number);
}

export interface Loda__Output {
  'nBins'?: (number);
  'nRandomCuts'?: (number);
}
