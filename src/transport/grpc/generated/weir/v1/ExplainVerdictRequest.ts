// Original file: proto/weir/v1/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface ExplainVerdictRequest {
  'detector'?: (string);
  'key'?: (string);
  'eventId'?: (string);
  'position'?: (number | string | Long);
  'row'?: (number);
}

export interface ExplainVerdictRequest__Output {
  'detector'?: (string);
  'key'?: (string);
  'eventId'?: (string);
  'position'?: (string);
  'row'?: (number);
}
