// Original file: proto/weir/v1/detectors.proto


export interface Mcd {
  'assumeCentered'?: (boolean);
  'supportFraction'?: (number | string);
  '_assumeCentered'?: "assumeCentered";
  '_supportFraction'?: "supportFraction";
}

export interface Mcd__Output {
  'assumeCentered'?: (boolean);
  'supportFraction'?: (number);
}
