// Original file: proto/weir/v1/detectors.proto

export const Encode = {
  ENCODE_UNSPECIFIED: 'ENCODE_UNSPECIFIED',
  ENCODE_LABEL: 'ENCODE_LABEL',
  ENCODE_ONEHOT: 'ENCODE_ONEHOT',
  ENCODE_HASH: 'ENCODE_HASH',
  ENCODE_BINARY: 'ENCODE_BINARY',
  ENCODE_FREQUENCY: 'ENCODE_FREQUENCY',
} as const;

export type Encode =
  | 'ENCODE_UNSPECIFIED'
  | 0
  | 'ENCODE_LABEL'
  | 1
  | 'ENCODE_ONEHOT'
  | 2
  | 'ENCODE_HASH'
  | 3
  | 'ENCODE_BINARY'
  | 4
  | 'ENCODE_FREQUENCY'
  | 5

export type Encode__Output = typeof Encode[keyof typeof Encode]
