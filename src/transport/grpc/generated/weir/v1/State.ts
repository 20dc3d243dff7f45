// Original file: proto/weir/v1/scoring.proto

export const State = {
  STATE_UNSPECIFIED: 'STATE_UNSPECIFIED',
  STATE_COLLECTING: 'STATE_COLLECTING',
  STATE_BURN_IN: 'STATE_BURN_IN',
  STATE_READY: 'STATE_READY',
  STATE_RETRAINING: 'STATE_RETRAINING',
} as const;

export type State =
  | 'STATE_UNSPECIFIED'
  | 0
  | 'STATE_COLLECTING'
  | 1
  | 'STATE_BURN_IN'
  | 2
  | 'STATE_READY'
  | 3
  | 'STATE_RETRAINING'
  | 4

export type State__Output = typeof State[keyof typeof State]
