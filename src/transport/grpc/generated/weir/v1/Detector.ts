// Original file: proto/weir/v1/detectors.proto

import type { DetectorSpec as _weir_v1_DetectorSpec, DetectorSpec__Output as _weir_v1_DetectorSpec__Output } from '../../weir/v1/DetectorSpec.ts';
import type { DetectorStatus as _weir_v1_DetectorStatus, DetectorStatus__Output as _weir_v1_DetectorStatus__Output } from '../../weir/v1/DetectorStatus.ts';

export interface Detector {
  'name'?: (string);
  'spec'?: (_weir_v1_DetectorSpec | null);
  'status'?: (_weir_v1_DetectorStatus | null);
}

export interface Detector__Output {
  'name'?: (string);
  'spec'?: (_weir_v1_DetectorSpec__Output);
  'status'?: (_weir_v1_DetectorStatus__Output);
}
