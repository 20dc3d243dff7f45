// Original file: proto/weir/v1/admin.proto

import type { DetectorSpec as _weir_v1_DetectorSpec, DetectorSpec__Output as _weir_v1_DetectorSpec__Output } from '../../weir/v1/DetectorSpec.ts';

export interface StartShadowRequest {
  'name'?: (string);
  'shadowed'?: (string);
  'spec'?: (_weir_v1_DetectorSpec | null);
  'copyState'?: (boolean);
  'share'?: (number | string);
}

export interface StartShadowRequest__Output {
  'name'?: (string);
  'shadowed'?: (string);
  'spec'?: (_weir_v1_DetectorSpec__Output);
  'copyState'?: (boolean);
  'share'?: (number);
}
