// Original file: proto/weir/v1/scoring.proto

export const Source = {
  SOURCE_UNSPECIFIED: 'SOURCE_UNSPECIFIED',
  SOURCE_MODEL: 'SOURCE_MODEL',
  SOURCE_RULES: 'SOURCE_RULES',
  SOURCE_CACHED: 'SOURCE_CACHED',
  SOURCE_DEFAULT: 'SOURCE_DEFAULT',
} as const;

export type Source =
  | 'SOURCE_UNSPECIFIED'
  | 0
  | 'SOURCE_MODEL'
  | 1
  | 'SOURCE_RULES'
  | 2
  | 'SOURCE_CACHED'
  | 3
  | 'SOURCE_DEFAULT'
  | 4

export type Source__Output = typeof Source[keyof typeof Source]
