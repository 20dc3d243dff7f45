// Original file: proto/weir/v1/detectors.proto

import type { Detector as _weir_v1_Detector, Detector__Output as _weir_v1_Detector__Output } from '../../weir/v1/Detector.ts';

export interface ResetDetectorResponse {
  'detector'?: (_weir_v1_Detector | null);
}

export interface ResetDetectorResponse__Output {
  'detector'?: (_weir_v1_Detector__Output);
}
