// Original file: proto/weir/v1/detectors.proto

export const Scaler = {
  SCALER_UNSPECIFIED: 'SCALER_UNSPECIFIED',
  SCALER_NONE: 'SCALER_NONE',
  SCALER_STANDARD: 'SCALER_STANDARD',
  SCALER_MIN_MAX: 'SCALER_MIN_MAX',
  SCALER_ROBUST: 'SCALER_ROBUST',
} as const;

export type Scaler =
  | 'SCALER_UNSPECIFIED'
  | 0
  | 'SCALER_NONE'
  | 1
  | 'SCALER_STANDARD'
  | 2
  | 'SCALER_MIN_MAX'
  | 3
  | 'SCALER_ROBUST'
  | 4

export type Scaler__Output = typeof Scaler[keyof typeof Scaler]
