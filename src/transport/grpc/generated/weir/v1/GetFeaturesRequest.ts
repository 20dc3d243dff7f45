// Original file: proto/weir/v1/features.proto

import type { Long } from '@grpc/proto-loader';

export interface GetFeaturesRequest {
  'detector'?: (string);
  'keys'?: (string)[];
  'timeUnixMs'?: (number | string | Long);
  'features'?: (string)[];
}

export interface GetFeaturesRequest__Output {
  'detector'?: (string);
  'keys'?: (string)[];
  'timeUnixMs'?: (string);
  'features'?: (string)[];
}
