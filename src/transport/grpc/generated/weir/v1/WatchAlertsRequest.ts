// Original file: proto/weir/v1/scoring.proto


export interface WatchAlertsRequest {
  'detectors'?: (string)[];
}

export interface WatchAlertsRequest__Output {
  'detectors'?: (string)[];
}
