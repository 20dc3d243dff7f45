// Original file: proto/weir/v1/admin.proto

export const VersionState = {
  VERSION_STATE_UNSPECIFIED: 'VERSION_STATE_UNSPECIFIED',
  VERSION_STATE_LEARNING: 'VERSION_STATE_LEARNING',
  VERSION_STATE_SERVING: 'VERSION_STATE_SERVING',
  VERSION_STATE_KEPT: 'VERSION_STATE_KEPT',
} as const;

export type VersionState =
  | 'VERSION_STATE_UNSPECIFIED'
  | 0
  | 'VERSION_STATE_LEARNING'
  | 1
  | 'VERSION_STATE_SERVING'
  | 2
  | 'VERSION_STATE_KEPT'
  | 3

export type VersionState__Output = typeof VersionState[keyof typeof VersionState]
