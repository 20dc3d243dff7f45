// Original file: proto/weir/v1/detectors.proto

import type { Long } from '@grpc/proto-loader';

export interface Swap {
  'version'?: (number);
  'trainedAt'?: (number | string | Long);
  'swappedAt'?: (number | string | Long);
  'key'?: (string);
}

export interface Swap__Output {
  'version'?: (number);
  'trainedAt'?: (string);
  'swappedAt'?: (string);
  'key'?: (string);
}
