// Original file: proto/weir/v1/detectors.proto

export const Encoding = {
  ENCODING_UNSPECIFIED: 'ENCODING_UNSPECIFIED',
  ENCODING_HASH: 'ENCODING_HASH',
  ENCODING_LABEL: 'ENCODING_LABEL',
  ENCODING_ONEHOT: 'ENCODING_ONEHOT',
  ENCODING_BINARY: 'ENCODING_BINARY',
  ENCODING_FREQUENCY: 'ENCODING_FREQUENCY',
} as const;

export type Encoding =
  | 'ENCODING_UNSPECIFIED'
  | 0
  | 'ENCODING_HASH'
  | 1
  | 'ENCODING_LABEL'
  | 2
  | 'ENCODING_ONEHOT'
  | 3
  | 'ENCODING_BINARY'
  | 4
  | 'ENCODING_FREQUENCY'
  | 5

export type Encoding__Output = typeof Encoding[keyof typeof Encoding]
