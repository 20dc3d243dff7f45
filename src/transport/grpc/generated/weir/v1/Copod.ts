// Original file: proto/weir/v1/detectors.proto


export interface Copod {
}

export interface Copod__Output {
}
