// Original file: proto/weir/v1/admin.proto

export const Durability = {
  DURABILITY_UNSPECIFIED: 'DURABILITY_UNSPECIFIED',
  DURABILITY_ACKNOWLEDGED: 'DURABILITY_ACKNOWLEDGED',
  DURABILITY_RELAXED: 'DURABILITY_RELAXED',
  DURABILITY_NONE: 'DURABILITY_NONE',
} as const;

export type Durability =
  | 'DURABILITY_UNSPECIFIED'
  | 0
  | 'DURABILITY_ACKNOWLEDGED'
  | 1
  | 'DURABILITY_RELAXED'
  | 2
  | 'DURABILITY_NONE'
  | 3

export type Durability__Output = typeof Durability[keyof typeof Durability]
