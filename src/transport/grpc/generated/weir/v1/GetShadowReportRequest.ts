// Original file: proto/weir/v1/admin.proto


export interface GetShadowReportRequest {
  'name'?: (string);
}

export interface GetShadowReportRequest__Output {
  'name'?: (string);
}
