// Original file: proto/weir/v1/scoring.proto

export const Timeliness = {
  TIMELINESS_UNSPECIFIED: 'TIMELINESS_UNSPECIFIED',
  TIMELINESS_LATE: 'TIMELINESS_LATE',
  TIMELINESS_FUTURE: 'TIMELINESS_FUTURE',
  TIMELINESS_LATE_REFUSED: 'TIMELINESS_LATE_REFUSED',
  TIMELINESS_FUTURE_REFUSED: 'TIMELINESS_FUTURE_REFUSED',
} as const;

export type Timeliness =
  | 'TIMELINESS_UNSPECIFIED'
  | 0
  | 'TIMELINESS_LATE'
  | 1
  | 'TIMELINESS_FUTURE'
  | 2
  | 'TIMELINESS_LATE_REFUSED'
  | 3
  | 'TIMELINESS_FUTURE_REFUSED'
  | 4

export type Timeliness__Output = typeof Timeliness[keyof typeof Timeliness]
