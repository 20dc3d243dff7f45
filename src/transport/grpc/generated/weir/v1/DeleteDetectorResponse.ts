// Original file: proto/weir/v1/detectors.proto


export interface DeleteDetectorResponse {
}

export interface DeleteDetectorResponse__Output {
}
