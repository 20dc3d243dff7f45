// Original file: proto/weir/v1/detectors.proto

export const TimePolicy = {
  TIME_POLICY_UNSPECIFIED: 'TIME_POLICY_UNSPECIFIED',
  TIME_POLICY_REFUSE: 'TIME_POLICY_REFUSE',
  TIME_POLICY_SCORE_ONLY: 'TIME_POLICY_SCORE_ONLY',
  TIME_POLICY_ON_TIME: 'TIME_POLICY_ON_TIME',
} as const;

export type TimePolicy =
  | 'TIME_POLICY_UNSPECIFIED'
  | 0
  | 'TIME_POLICY_REFUSE'
  | 1
  | 'TIME_POLICY_SCORE_ONLY'
  | 2
  | 'TIME_POLICY_ON_TIME'
  | 3

export type TimePolicy__Output = typeof TimePolicy[keyof typeof TimePolicy]
