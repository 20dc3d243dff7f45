// Original file: proto/weir/v1/detectors.proto


export interface Ecod {
}

export interface Ecod__Output {
}
