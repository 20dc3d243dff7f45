// Original file: proto/weir/v1/detectors.proto

export const InputType = {
  INPUT_TYPE_UNSPECIFIED: 'INPUT_TYPE_UNSPECIFIED',
  INPUT_TYPE_NUMBER: 'INPUT_TYPE_NUMBER',
  INPUT_TYPE_CATEGORY: 'INPUT_TYPE_CATEGORY',
} as const;

export type InputType =
  | 'INPUT_TYPE_UNSPECIFIED'
  | 0
  | 'INPUT_TYPE_NUMBER'
  | 1
  | 'INPUT_TYPE_CATEGORY'
  | 2

export type InputType__Output = typeof InputType[keyof typeof InputType]
