// Original file: proto/weir/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface Snapshot {
  'position'?: (number | string | Long);
  'timeUnixMs'?: (number | string | Long);
  'stateBytes'?: (number | string | Long);
  'fileBytes'?: (number | string | Long);
}

export interface Snapshot__Output {
  'position'?: (string);
  'timeUnixMs'?: (string);
  'stateBytes'?: (string);
  'fileBytes'?: (string);
}
