// Original file: proto/weir/v1/scoring.proto

export const Mode = {
  MODE_UNSPECIFIED: 'MODE_UNSPECIFIED',
  MODE_SCORE_AND_LEARN: 'MODE_SCORE_AND_LEARN',
  MODE_SCORE_ONLY: 'MODE_SCORE_ONLY',
  MODE_LEARN_ONLY: 'MODE_LEARN_ONLY',
  MODE_HEARTBEAT: 'MODE_HEARTBEAT',
} as const;

export type Mode =
  | 'MODE_UNSPECIFIED'
  | 0
  | 'MODE_SCORE_AND_LEARN'
  | 1
  | 'MODE_SCORE_ONLY'
  | 2
  | 'MODE_LEARN_ONLY'
  | 3
  | 'MODE_HEARTBEAT'
  | 4

export type Mode__Output = typeof Mode[keyof typeof Mode]
