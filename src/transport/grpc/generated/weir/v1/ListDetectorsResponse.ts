// Original file: proto/weir/v1/detectors.proto

import type { Detector as _weir_v1_Detector, Detector__Output as _weir_v1_Detector__Output } from '../../weir/v1/Detector.ts';

export interface ListDetectorsResponse {
  'detectors'?: (_weir_v1_Detector)[];
  'nextPageToken'?: (string);
}

export interface ListDetectorsResponse__Output {
  'detectors'?: (_weir_v1_Detector__Output)[];
  'nextPageToken'?: (string);
}
