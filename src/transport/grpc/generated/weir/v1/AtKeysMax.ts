// Original file: proto/weir/v1/detectors.proto

export const AtKeysMax = {
  AT_KEYS_MAX_UNSPECIFIED: 'AT_KEYS_MAX_UNSPECIFIED',
  AT_KEYS_MAX_EVICT: 'AT_KEYS_MAX_EVICT',
  AT_KEYS_MAX_REFUSE: 'AT_KEYS_MAX_REFUSE',
} as const;

export type AtKeysMax =
  | 'AT_KEYS_MAX_UNSPECIFIED'
  | 0
  | 'AT_KEYS_MAX_EVICT'
  | 1
  | 'AT_KEYS_MAX_REFUSE'
  | 2

export type AtKeysMax__Output = typeof AtKeysMax[keyof typeof AtKeysMax]
