// Original file: proto/weir/v1/detectors.proto

export const Missing = {
  MISSING_UNSPECIFIED: 'MISSING_UNSPECIFIED',
  MISSING_REFUSE: 'MISSING_REFUSE',
  MISSING_DEFAULT: 'MISSING_DEFAULT',
  MISSING_MODEL: 'MISSING_MODEL',
} as const;

export type Missing =
  | 'MISSING_UNSPECIFIED'
  | 0
  | 'MISSING_REFUSE'
  | 1
  | 'MISSING_DEFAULT'
  | 2
  | 'MISSING_MODEL'
  | 3

export type Missing__Output = typeof Missing[keyof typeof Missing]
