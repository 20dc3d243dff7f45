// Original file: proto/weir/v1/admin.proto

import type { Version as _weir_v1_Version, Version__Output as _weir_v1_Version__Output } from '../../weir/v1/Version.ts';

export interface UpdateDetectorResponse {
  'version'?: (_weir_v1_Version | null);
}

export interface UpdateDetectorResponse__Output {
  'version'?: (_weir_v1_Version__Output);
}
