// Original file: proto/weir/v1/detectors.proto

export const Scope = {
  SCOPE_UNSPECIFIED: 'SCOPE_UNSPECIFIED',
  SCOPE_DETECTOR: 'SCOPE_DETECTOR',
  SCOPE_KEY: 'SCOPE_KEY',
} as const;

export type Scope =
  | 'SCOPE_UNSPECIFIED'
  | 0
  | 'SCOPE_DETECTOR'
  | 1
  | 'SCOPE_KEY'
  | 2

export type Scope__Output = typeof Scope[keyof typeof Scope]
