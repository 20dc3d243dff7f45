// Original file: proto/weir/v1/scoring.proto


export interface FrameVerdicts {
  'scores'?: (Buffer | Uint8Array | string);
  'rawScores'?: (Buffer | Uint8Array | string);
  'anomalies'?: (Buffer | Uint8Array | string);
  'sources'?: (Buffer | Uint8Array | string);
  'states'?: (Buffer | Uint8Array | string);
  'modelVersion'?: (number);
  'modelVersions'?: (Buffer | Uint8Array | string);
  'defaulted'?: (Buffer | Uint8Array | string);
  'replayed'?: (Buffer | Uint8Array | string);
  'features'?: (Buffer | Uint8Array | string);
  'defaultedFeatures'?: (Buffer | Uint8Array | string);
  'timeliness'?: (Buffer | Uint8Array | string);
  'durable'?: (boolean);
  'durables'?: (Buffer | Uint8Array | string);
}

export interface FrameVerdicts__Output {
  'scores'?: (Buffer);
  'rawScores'?: (Buffer);
  'anomalies'?: (Buffer);
  'sources'?: (Buffer);
  'states'?: (Buffer);
  'modelVersion'?: (number);
  'modelVersions'?: (Buffer);
  'defaulted'?: (Buffer);
  'replayed'?: (Buffer);
  'features'?: (Buffer);
  'defaultedFeatures'?: (Buffer);
  'timeliness'?: (Buffer);
  'durable'?: (boolean);
  'durables'?: (Buffer);
}
