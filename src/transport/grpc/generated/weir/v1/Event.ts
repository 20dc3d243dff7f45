// Original file: proto/weir/v1/scoring.proto

import type { Long } from '@grpc/proto-loader';

export interface Event {
  'id'?: (string);
  'key'?: (string);
  'timeUnixMs'?: (number | string | Long);
  'numbers'?: ({[key: string]: number | string});
  'categories'?: ({[key: string]: string});
  'values'?: (number | string)[];
  'systemAction'?: (string);
}

export interface Event__Output {
  'id'?: (string);
  'key'?: (string);
  'timeUnixMs'?: (string);
  'numbers'?: ({[key: string]: number});
  'categories'?: ({[key: string]: string});
  'values'?: (number)[];
  'systemAction'?: (string);
}
