// Original file: proto/weir/v1/detectors.proto

export const FlaggedRows = {
  FLAGGED_ROWS_UNSPECIFIED: 'FLAGGED_ROWS_UNSPECIFIED',
  FLAGGED_ROWS_KEEP: 'FLAGGED_ROWS_KEEP',
  FLAGGED_ROWS_DROP: 'FLAGGED_ROWS_DROP',
} as const;

export type FlaggedRows =
  | 'FLAGGED_ROWS_UNSPECIFIED'
  | 0
  | 'FLAGGED_ROWS_KEEP'
  | 1
  | 'FLAGGED_ROWS_DROP'
  | 2

export type FlaggedRows__Output = typeof FlaggedRows[keyof typeof FlaggedRows]
