// Original file: proto/weir/v1/admin.proto

import type { Version as _weir_v1_Version, Version__Output as _weir_v1_Version__Output } from '../../weir/v1/Version.ts';

export interface ListVersionsResponse {
  'versions'?: (_weir_v1_Version)[];
}

export interface ListVersionsResponse__Output {
  'versions'?: (_weir_v1_Version__Output)[];
}
