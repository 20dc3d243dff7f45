// Original file: proto/weir/v1/admin.proto

import type { DetectorSpec as _weir_v1_DetectorSpec, DetectorSpec__Output as _weir_v1_DetectorSpec__Output } from '../../weir/v1/DetectorSpec.ts';

export interface UpdateDetectorRequest {
  'name'?: (string);
  'spec'?: (_weir_v1_DetectorSpec | null);
}

export interface UpdateDetectorRequest__Output {
  'name'?: (string);
  'spec'?: (_weir_v1_DetectorSpec__Output);
}
