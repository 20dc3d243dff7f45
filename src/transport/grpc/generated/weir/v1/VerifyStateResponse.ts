// Original file: proto/weir/v1/admin.proto


export interface VerifyStateResponse {
  'what'?: (string);
  'sound'?: (boolean);
  'problem'?: (string);
  'progress'?: (number | string);
}

export interface VerifyStateResponse__Output {
  'what'?: (string);
  'sound'?: (boolean);
  'problem'?: (string);
  'progress'?: (number);
}
