// Original file: proto/weir/v1/scoring.proto


export interface Frame {
  'rows'?: (number);
  'values'?: (Buffer | Uint8Array | string);
  'keys'?: (string)[];
  'keyIndex'?: (Buffer | Uint8Array | string);
  'timesUnixMs'?: (Buffer | Uint8Array | string);
  'ids'?: (string)[];
  'schema'?: (number);
  'categories'?: (string)[];
  'categoryIndex'?: (Buffer | Uint8Array | string);
  'systemActions'?: (string)[];
  'systemActionIndex'?: (Buffer | Uint8Array | string);
}

export interface Frame__Output {
  'rows'?: (number);
  'values'?: (Buffer);
  'keys'?: (string)[];
  'keyIndex'?: (Buffer);
  'timesUnixMs'?: (Buffer);
  'ids'?: (string)[];
  'schema'?: (number);
  'categories'?: (string)[];
  'categoryIndex'?: (Buffer);
  'systemActions'?: (string)[];
  'systemActionIndex'?: (Buffer);
}
