// Original file: proto/weir/v1/admin.proto

import type { Detector as _weir_v1_Detector, Detector__Output as _weir_v1_Detector__Output } from '../../weir/v1/Detector.ts';

export interface ImportDetectorResponse {
  'detector'?: (_weir_v1_Detector | null);
}

export interface ImportDetectorResponse__Output {
  'detector'?: (_weir_v1_Detector__Output);
}
