// Original file: proto/weir/v1/admin.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { BackUpRequest as _weir_v1_BackUpRequest, BackUpRequest__Output as _weir_v1_BackUpRequest__Output } from '../../weir/v1/BackUpRequest.ts';
import type { BackUpResponse as _weir_v1_BackUpResponse, BackUpResponse__Output as _weir_v1_BackUpResponse__Output } from '../../weir/v1/BackUpResponse.ts';
import type { CreateSnapshotRequest as _weir_v1_CreateSnapshotRequest, CreateSnapshotRequest__Output as _weir_v1_CreateSnapshotRequest__Output } from '../../weir/v1/CreateSnapshotRequest.ts';
import type { CreateSnapshotResponse as _weir_v1_CreateSnapshotResponse, CreateSnapshotResponse__Output as _weir_v1_CreateSnapshotResponse__Output } from '../../weir/v1/CreateSnapshotResponse.ts';
import type { ExplainVerdictRequest as _weir_v1_ExplainVerdictRequest, ExplainVerdictRequest__Output as _weir_v1_ExplainVerdictRequest__Output } from '../../weir/v1/ExplainVerdictRequest.ts';
import type { ExplainVerdictResponse as _weir_v1_ExplainVerdictResponse, ExplainVerdictResponse__Output as _weir_v1_ExplainVerdictResponse__Output } from '../../weir/v1/ExplainVerdictResponse.ts';
import type { ExportDetectorRequest as _weir_v1_ExportDetectorRequest, ExportDetectorRequest__Output as _weir_v1_ExportDetectorRequest__Output } from '../../weir/v1/ExportDetectorRequest.ts';
import type { ExportDetectorResponse as _weir_v1_ExportDetectorResponse, ExportDetectorResponse__Output as _weir_v1_ExportDetectorResponse__Output } from '../../weir/v1/ExportDetectorResponse.ts';
import type { GetShadowReportRequest as _weir_v1_GetShadowReportRequest, GetShadowReportRequest__Output as _weir_v1_GetShadowReportRequest__Output } from '../../weir/v1/GetShadowReportRequest.ts';
import type { GetShadowReportResponse as _weir_v1_GetShadowReportResponse, GetShadowReportResponse__Output as _weir_v1_GetShadowReportResponse__Output } from '../../weir/v1/GetShadowReportResponse.ts';
import type { GetStateRequest as _weir_v1_GetStateRequest, GetStateRequest__Output as _weir_v1_GetStateRequest__Output } from '../../weir/v1/GetStateRequest.ts';
import type { GetStateResponse as _weir_v1_GetStateResponse, GetStateResponse__Output as _weir_v1_GetStateResponse__Output } from '../../weir/v1/GetStateResponse.ts';
import type { ImportDetectorRequest as _weir_v1_ImportDetectorRequest, ImportDetectorRequest__Output as _weir_v1_ImportDetectorRequest__Output } from '../../weir/v1/ImportDetectorRequest.ts';
import type { ImportDetectorResponse as _weir_v1_ImportDetectorResponse, ImportDetectorResponse__Output as _weir_v1_ImportDetectorResponse__Output } from '../../weir/v1/ImportDetectorResponse.ts';
import type { ListSnapshotsRequest as _weir_v1_ListSnapshotsRequest, ListSnapshotsRequest__Output as _weir_v1_ListSnapshotsRequest__Output } from '../../weir/v1/ListSnapshotsRequest.ts';
import type { ListSnapshotsResponse as _weir_v1_ListSnapshotsResponse, ListSnapshotsResponse__Output as _weir_v1_ListSnapshotsResponse__Output } from '../../weir/v1/ListSnapshotsResponse.ts';
import type { ListVersionsRequest as _weir_v1_ListVersionsRequest, ListVersionsRequest__Output as _weir_v1_ListVersionsRequest__Output } from '../../weir/v1/ListVersionsRequest.ts';
import type { ListVersionsResponse as _weir_v1_ListVersionsResponse, ListVersionsResponse__Output as _weir_v1_ListVersionsResponse__Output } from '../../weir/v1/ListVersionsResponse.ts';
import type { PromoteShadowRequest as _weir_v1_PromoteShadowRequest, PromoteShadowRequest__Output as _weir_v1_PromoteShadowRequest__Output } from '../../weir/v1/PromoteShadowRequest.ts';
import type { PromoteShadowResponse as _weir_v1_PromoteShadowResponse, PromoteShadowResponse__Output as _weir_v1_PromoteShadowResponse__Output } from '../../weir/v1/PromoteShadowResponse.ts';
import type { RollbackDetectorRequest as _weir_v1_RollbackDetectorRequest, RollbackDetectorRequest__Output as _weir_v1_RollbackDetectorRequest__Output } from '../../weir/v1/RollbackDetectorRequest.ts';
import type { RollbackDetectorResponse as _weir_v1_RollbackDetectorResponse, RollbackDetectorResponse__Output as _weir_v1_RollbackDetectorResponse__Output } from '../../weir/v1/RollbackDetectorResponse.ts';
import type { SetShadowShareRequest as _weir_v1_SetShadowShareRequest, SetShadowShareRequest__Output as _weir_v1_SetShadowShareRequest__Output } from '../../weir/v1/SetShadowShareRequest.ts';
import type { SetShadowShareResponse as _weir_v1_SetShadowShareResponse, SetShadowShareResponse__Output as _weir_v1_SetShadowShareResponse__Output } from '../../weir/v1/SetShadowShareResponse.ts';
import type { StartShadowRequest as _weir_v1_StartShadowRequest, StartShadowRequest__Output as _weir_v1_StartShadowRequest__Output } from '../../weir/v1/StartShadowRequest.ts';
import type { StartShadowResponse as _weir_v1_StartShadowResponse, StartShadowResponse__Output as _weir_v1_StartShadowResponse__Output } from '../../weir/v1/StartShadowResponse.ts';
import type { StopShadowRequest as _weir_v1_StopShadowRequest, StopShadowRequest__Output as _weir_v1_StopShadowRequest__Output } from '../../weir/v1/StopShadowRequest.ts';
import type { StopShadowResponse as _weir_v1_StopShadowResponse, StopShadowResponse__Output as _weir_v1_StopShadowResponse__Output } from '../../weir/v1/StopShadowResponse.ts';
import type { UpdateDetectorRequest as _weir_v1_UpdateDetectorRequest, UpdateDetectorRequest__Output as _weir_v1_UpdateDetectorRequest__Output } from '../../weir/v1/UpdateDetectorRequest.ts';
import type { UpdateDetectorResponse as _weir_v1_UpdateDetectorResponse, UpdateDetectorResponse__Output as _weir_v1_UpdateDetectorResponse__Output } from '../../weir/v1/UpdateDetectorResponse.ts';
import type { VerifyStateRequest as _weir_v1_VerifyStateRequest, VerifyStateRequest__Output as _weir_v1_VerifyStateRequest__Output } from '../../weir/v1/VerifyStateRequest.ts';
import type { VerifyStateResponse as _weir_v1_VerifyStateResponse, VerifyStateResponse__Output as _weir_v1_VerifyStateResponse__Output } from '../../weir/v1/VerifyStateResponse.ts';

export interface AdminServiceClient extends grpc.Client {
  BackUp(argument: _weir_v1_BackUpRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_BackUpResponse__Output>): grpc.ClientUnaryCall;
  BackUp(argument: _weir_v1_BackUpRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_BackUpResponse__Output>): grpc.ClientUnaryCall;
  BackUp(argument: _weir_v1_BackUpRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_BackUpResponse__Output>): grpc.ClientUnaryCall;
  BackUp(argument: _weir_v1_BackUpRequest, callback: grpc.requestCallback<_weir_v1_BackUpResponse__Output>): grpc.ClientUnaryCall;
  backUp(argument: _weir_v1_BackUpRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_BackUpResponse__Output>): grpc.ClientUnaryCall;
  backUp(argument: _weir_v1_BackUpRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_BackUpResponse__Output>): grpc.ClientUnaryCall;
  backUp(argument: _weir_v1_BackUpRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_BackUpResponse__Output>): grpc.ClientUnaryCall;
  backUp(argument: _weir_v1_BackUpRequest, callback: grpc.requestCallback<_weir_v1_BackUpResponse__Output>): grpc.ClientUnaryCall;
  
  CreateSnapshot(argument: _weir_v1_CreateSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  CreateSnapshot(argument: _weir_v1_CreateSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  CreateSnapshot(argument: _weir_v1_CreateSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  CreateSnapshot(argument: _weir_v1_CreateSnapshotRequest, callback: grpc.requestCallback<_weir_v1_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createSnapshot(argument: _weir_v1_CreateSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createSnapshot(argument: _weir_v1_CreateSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createSnapshot(argument: _weir_v1_CreateSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createSnapshot(argument: _weir_v1_CreateSnapshotRequest, callback: grpc.requestCallback<_weir_v1_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  
  ExplainVerdict(argument: _weir_v1_ExplainVerdictRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ExplainVerdictResponse__Output>): grpc.ClientUnaryCall;
  ExplainVerdict(argument: _weir_v1_ExplainVerdictRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ExplainVerdictResponse__Output>): grpc.ClientUnaryCall;
  ExplainVerdict(argument: _weir_v1_ExplainVerdictRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ExplainVerdictResponse__Output>): grpc.ClientUnaryCall;
  ExplainVerdict(argument: _weir_v1_ExplainVerdictRequest, callback: grpc.requestCallback<_weir_v1_ExplainVerdictResponse__Output>): grpc.ClientUnaryCall;
  explainVerdict(argument: _weir_v1_ExplainVerdictRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ExplainVerdictResponse__Output>): grpc.ClientUnaryCall;
  explainVerdict(argument: _weir_v1_ExplainVerdictRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ExplainVerdictResponse__Output>): grpc.ClientUnaryCall;
  explainVerdict(argument: _weir_v1_ExplainVerdictRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ExplainVerdictResponse__Output>): grpc.ClientUnaryCall;
  explainVerdict(argument: _weir_v1_ExplainVerdictRequest, callback: grpc.requestCallback<_weir_v1_ExplainVerdictResponse__Output>): grpc.ClientUnaryCall;
  
  ExportDetector(argument: _weir_v1_ExportDetectorRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_weir_v1_ExportDetectorResponse__Output>;
  ExportDetector(argument: _weir_v1_ExportDetectorRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_weir_v1_ExportDetectorResponse__Output>;
  exportDetector(argument: _weir_v1_ExportDetectorRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_weir_v1_ExportDetectorResponse__Output>;
  exportDetector(argument: _weir_v1_ExportDetectorRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_weir_v1_ExportDetectorResponse__Output>;
  
  GetShadowReport(argument: _weir_v1_GetShadowReportRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetShadowReportResponse__Output>): grpc.ClientUnaryCall;
  GetShadowReport(argument: _weir_v1_GetShadowReportRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_GetShadowReportResponse__Output>): grpc.ClientUnaryCall;
  GetShadowReport(argument: _weir_v1_GetShadowReportRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetShadowReportResponse__Output>): grpc.ClientUnaryCall;
  GetShadowReport(argument: _weir_v1_GetShadowReportRequest, callback: grpc.requestCallback<_weir_v1_GetShadowReportResponse__Output>): grpc.ClientUnaryCall;
  getShadowReport(argument: _weir_v1_GetShadowReportRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetShadowReportResponse__Output>): grpc.ClientUnaryCall;
  getShadowReport(argument: _weir_v1_GetShadowReportRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_GetShadowReportResponse__Output>): grpc.ClientUnaryCall;
  getShadowReport(argument: _weir_v1_GetShadowReportRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetShadowReportResponse__Output>): grpc.ClientUnaryCall;
  getShadowReport(argument: _weir_v1_GetShadowReportRequest, callback: grpc.requestCallback<_weir_v1_GetShadowReportResponse__Output>): grpc.ClientUnaryCall;
  
  GetState(argument: _weir_v1_GetStateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetStateResponse__Output>): grpc.ClientUnaryCall;
  GetState(argument: _weir_v1_GetStateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_GetStateResponse__Output>): grpc.ClientUnaryCall;
  GetState(argument: _weir_v1_GetStateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetStateResponse__Output>): grpc.ClientUnaryCall;
  GetState(argument: _weir_v1_GetStateRequest, callback: grpc.requestCallback<_weir_v1_GetStateResponse__Output>): grpc.ClientUnaryCall;
  getState(argument: _weir_v1_GetStateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetStateResponse__Output>): grpc.ClientUnaryCall;
  getState(argument: _weir_v1_GetStateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_GetStateResponse__Output>): grpc.ClientUnaryCall;
  getState(argument: _weir_v1_GetStateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetStateResponse__Output>): grpc.ClientUnaryCall;
  getState(argument: _weir_v1_GetStateRequest, callback: grpc.requestCallback<_weir_v1_GetStateResponse__Output>): grpc.ClientUnaryCall;
  
  ImportDetector(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ImportDetectorResponse__Output>): grpc.ClientWritableStream<_weir_v1_ImportDetectorRequest>;
  ImportDetector(metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ImportDetectorResponse__Output>): grpc.ClientWritableStream<_weir_v1_ImportDetectorRequest>;
  ImportDetector(options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ImportDetectorResponse__Output>): grpc.ClientWritableStream<_weir_v1_ImportDetectorRequest>;
  ImportDetector(callback: grpc.requestCallback<_weir_v1_ImportDetectorResponse__Output>): grpc.ClientWritableStream<_weir_v1_ImportDetectorRequest>;
  importDetector(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ImportDetectorResponse__Output>): grpc.ClientWritableStream<_weir_v1_ImportDetectorRequest>;
  importDetector(metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ImportDetectorResponse__Output>): grpc.ClientWritableStream<_weir_v1_ImportDetectorRequest>;
  importDetector(options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ImportDetectorResponse__Output>): grpc.ClientWritableStream<_weir_v1_ImportDetectorRequest>;
  importDetector(callback: grpc.requestCallback<_weir_v1_ImportDetectorResponse__Output>): grpc.ClientWritableStream<_weir_v1_ImportDetectorRequest>;
  
  ListSnapshots(argument: _weir_v1_ListSnapshotsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  ListSnapshots(argument: _weir_v1_ListSnapshotsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  ListSnapshots(argument: _weir_v1_ListSnapshotsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  ListSnapshots(argument: _weir_v1_ListSnapshotsRequest, callback: grpc.requestCallback<_weir_v1_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  listSnapshots(argument: _weir_v1_ListSnapshotsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  listSnapshots(argument: _weir_v1_ListSnapshotsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  listSnapshots(argument: _weir_v1_ListSnapshotsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  listSnapshots(argument: _weir_v1_ListSnapshotsRequest, callback: grpc.requestCallback<_weir_v1_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  
  ListVersions(argument: _weir_v1_ListVersionsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ListVersionsResponse__Output>): grpc.ClientUnaryCall;
  ListVersions(argument: _weir_v1_ListVersionsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ListVersionsResponse__Output>): grpc.ClientUnaryCall;
  ListVersions(argument: _weir_v1_ListVersionsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ListVersionsResponse__Output>): grpc.ClientUnaryCall;
  ListVersions(argument: _weir_v1_ListVersionsRequest, callback: grpc.requestCallback<_weir_v1_ListVersionsResponse__Output>): grpc.ClientUnaryCall;
  listVersions(argument: _weir_v1_ListVersionsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ListVersionsResponse__Output>): grpc.ClientUnaryCall;
  listVersions(argument: _weir_v1_ListVersionsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ListVersionsResponse__Output>): grpc.ClientUnaryCall;
  listVersions(argument: _weir_v1_ListVersionsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ListVersionsResponse__Output>): grpc.ClientUnaryCall;
  listVersions(argument: _weir_v1_ListVersionsRequest, callback: grpc.requestCallback<_weir_v1_ListVersionsResponse__Output>): grpc.ClientUnaryCall;
  
  PromoteShadow(argument: _weir_v1_PromoteShadowRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_PromoteShadowResponse__Output>): grpc.ClientUnaryCall;
  PromoteShadow(argument: _weir_v1_PromoteShadowRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_PromoteShadowResponse__Output>): grpc.ClientUnaryCall;
  PromoteShadow(argument: _weir_v1_PromoteShadowRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_PromoteShadowResponse__Output>): grpc.ClientUnaryCall;
  PromoteShadow(argument: _weir_v1_PromoteShadowRequest, callback: grpc.requestCallback<_weir_v1_PromoteShadowResponse__Output>): grpc.ClientUnaryCall;
  promoteShadow(argument: _weir_v1_PromoteShadowRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_PromoteShadowResponse__Output>): grpc.ClientUnaryCall;
  promoteShadow(argument: _weir_v1_PromoteShadowRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_PromoteShadowResponse__Output>): grpc.ClientUnaryCall;
  promoteShadow(argument: _weir_v1_PromoteShadowRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_PromoteShadowResponse__Output>): grpc.ClientUnaryCall;
  promoteShadow(argument: _weir_v1_PromoteShadowRequest, callback: grpc.requestCallback<_weir_v1_PromoteShadowResponse__Output>): grpc.ClientUnaryCall;
  
  RollbackDetector(argument: _weir_v1_RollbackDetectorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_RollbackDetectorResponse__Output>): grpc.ClientUnaryCall;
  RollbackDetector(argument: _weir_v1_RollbackDetectorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_RollbackDetectorResponse__Output>): grpc.ClientUnaryCall;
  RollbackDetector(argument: _weir_v1_RollbackDetectorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_RollbackDetectorResponse__Output>): grpc.ClientUnaryCall;
  RollbackDetector(argument: _weir_v1_RollbackDetectorRequest, callback: grpc.requestCallback<_weir_v1_RollbackDetectorResponse__Output>): grpc.ClientUnaryCall;
  rollbackDetector(argument: _weir_v1_RollbackDetectorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_RollbackDetectorResponse__Output>): grpc.ClientUnaryCall;
  rollbackDetector(argument: _weir_v1_RollbackDetectorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_RollbackDetectorResponse__Output>): grpc.ClientUnaryCall;
  rollbackDetector(argument: _weir_v1_RollbackDetectorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_RollbackDetectorResponse__Output>): grpc.ClientUnaryCall;
  rollbackDetector(argument: _weir_v1_RollbackDetectorRequest, callback: grpc.requestCallback<_weir_v1_RollbackDetectorResponse__Output>): grpc.ClientUnaryCall;
  
  SetShadowShare(argument: _weir_v1_SetShadowShareRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_SetShadowShareResponse__Output>): grpc.ClientUnaryCall;
  SetShadowShare(argument: _weir_v1_SetShadowShareRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_SetShadowShareResponse__Output>): grpc.ClientUnaryCall;
  SetShadowShare(argument: _weir_v1_SetShadowShareRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_SetShadowShareResponse__Output>): grpc.ClientUnaryCall;
  SetShadowShare(argument: _weir_v1_SetShadowShareRequest, callback: grpc.requestCallback<_weir_v1_SetShadowShareResponse__Output>): grpc.ClientUnaryCall;
  setShadowShare(argument: _weir_v1_SetShadowShareRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_SetShadowShareResponse__Output>): grpc.ClientUnaryCall;
  setShadowShare(argument: _weir_v1_SetShadowShareRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_SetShadowShareResponse__Output>): grpc.ClientUnaryCall;
  setShadowShare(argument: _weir_v1_SetShadowShareRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_SetShadowShareResponse__Output>): grpc.ClientUnaryCall;
  setShadowShare(argument: _weir_v1_SetShadowShareRequest, callback: grpc.requestCallback<_weir_v1_SetShadowShareResponse__Output>): grpc.ClientUnaryCall;
  
  StartShadow(argument: _weir_v1_StartShadowRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_StartShadowResponse__Output>): grpc.ClientUnaryCall;
  StartShadow(argument: _weir_v1_StartShadowRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_StartShadowResponse__Output>): grpc.ClientUnaryCall;
  StartShadow(argument: _weir_v1_StartShadowRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_StartShadowResponse__Output>): grpc.ClientUnaryCall;
  StartShadow(argument: _weir_v1_StartShadowRequest, callback: grpc.requestCallback<_weir_v1_StartShadowResponse__Output>): grpc.ClientUnaryCall;
  startShadow(argument: _weir_v1_StartShadowRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_StartShadowResponse__Output>): grpc.ClientUnaryCall;
  startShadow(argument: _weir_v1_StartShadowRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_StartShadowResponse__Output>): grpc.ClientUnaryCall;
  startShadow(argument: _weir_v1_StartShadowRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_StartShadowResponse__Output>): grpc.ClientUnaryCall;
  startShadow(argument: _weir_v1_StartShadowRequest, callback: grpc.requestCallback<_weir_v1_StartShadowResponse__Output>): grpc.ClientUnaryCall;
  
  StopShadow(argument: _weir_v1_StopShadowRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_StopShadowResponse__Output>): grpc.ClientUnaryCall;
  StopShadow(argument: _weir_v1_StopShadowRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_StopShadowResponse__Output>): grpc.ClientUnaryCall;
  StopShadow(argument: _weir_v1_StopShadowRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_StopShadowResponse__Output>): grpc.ClientUnaryCall;
  StopShadow(argument: _weir_v1_StopShadowRequest, callback: grpc.requestCallback<_weir_v1_StopShadowResponse__Output>): grpc.ClientUnaryCall;
  stopShadow(argument: _weir_v1_StopShadowRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_StopShadowResponse__Output>): grpc.ClientUnaryCall;
  stopShadow(argument: _weir_v1_StopShadowRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_StopShadowResponse__Output>): grpc.ClientUnaryCall;
  stopShadow(argument: _weir_v1_StopShadowRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_StopShadowResponse__Output>): grpc.ClientUnaryCall;
  stopShadow(argument: _weir_v1_StopShadowRequest, callback: grpc.requestCallback<_weir_v1_StopShadowResponse__Output>): grpc.ClientUnaryCall;
  
  UpdateDetector(argument: _weir_v1_UpdateDetectorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_UpdateDetectorResponse__Output>): grpc.ClientUnaryCall;
  UpdateDetector(argument: _weir_v1_UpdateDetectorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_UpdateDetectorResponse__Output>): grpc.ClientUnaryCall;
  UpdateDetector(argument: _weir_v1_UpdateDetectorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_UpdateDetectorResponse__Output>): grpc.ClientUnaryCall;
  UpdateDetector(argument: _weir_v1_UpdateDetectorRequest, callback: grpc.requestCallback<_weir_v1_UpdateDetectorResponse__Output>): grpc.ClientUnaryCall;
  updateDetector(argument: _weir_v1_UpdateDetectorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_UpdateDetectorResponse__Output>): grpc.ClientUnaryCall;
  updateDetector(argument: _weir_v1_UpdateDetectorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_UpdateDetectorResponse__Output>): grpc.ClientUnaryCall;
  updateDetector(argument: _weir_v1_UpdateDetectorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_UpdateDetectorResponse__Output>): grpc.ClientUnaryCall;
  updateDetector(argument: _weir_v1_UpdateDetectorRequest, callback: grpc.requestCallback<_weir_v1_UpdateDetectorResponse__Output>): grpc.ClientUnaryCall;
  
  VerifyState(argument: _weir_v1_VerifyStateRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_weir_v1_VerifyStateResponse__Output>;
  VerifyState(argument: _weir_v1_VerifyStateRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_weir_v1_VerifyStateResponse__Output>;
  verifyState(argument: _weir_v1_VerifyStateRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_weir_v1_VerifyStateResponse__Output>;
  verifyState(argument: _weir_v1_VerifyStateRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_weir_v1_VerifyStateResponse__Output>;
  
}

export interface AdminServiceHandlers extends grpc.UntypedServiceImplementation {
  BackUp: grpc.handleUnaryCall<_weir_v1_BackUpRequest__Output, _weir_v1_BackUpResponse>;
  
  CreateSnapshot: grpc.handleUnaryCall<_weir_v1_CreateSnapshotRequest__Output, _weir_v1_CreateSnapshotResponse>;
  
  ExplainVerdict: grpc.handleUnaryCall<_weir_v1_ExplainVerdictRequest__Output, _weir_v1_ExplainVerdictResponse>;
  
  ExportDetector: grpc.handleServerStreamingCall<_weir_v1_ExportDetectorRequest__Output, _weir_v1_ExportDetectorResponse>;
  
  GetShadowReport: grpc.handleUnaryCall<_weir_v1_GetShadowReportRequest__Output, _weir_v1_GetShadowReportResponse>;
  
  GetState: grpc.handleUnaryCall<_weir_v1_GetStateRequest__Output, _weir_v1_GetStateResponse>;
  
  ImportDetector: grpc.handleClientStreamingCall<_weir_v1_ImportDetectorRequest__Output, _weir_v1_ImportDetectorResponse>;
  
  ListSnapshots: grpc.handleUnaryCall<_weir_v1_ListSnapshotsRequest__Output, _weir_v1_ListSnapshotsResponse>;
  
  ListVersions: grpc.handleUnaryCall<_weir_v1_ListVersionsRequest__Output, _weir_v1_ListVersionsResponse>;
  
  PromoteShadow: grpc.handleUnaryCall<_weir_v1_PromoteShadowRequest__Output, _weir_v1_PromoteShadowResponse>;
  
  RollbackDetector: grpc.handleUnaryCall<_weir_v1_RollbackDetectorRequest__Output, _weir_v1_RollbackDetectorResponse>;
  
  SetShadowShare: grpc.handleUnaryCall<_weir_v1_SetShadowShareRequest__Output, _weir_v1_SetShadowShareResponse>;
  
  StartShadow: grpc.handleUnaryCall<_weir_v1_StartShadowRequest__Output, _weir_v1_StartShadowResponse>;
  
  StopShadow: grpc.handleUnaryCall<_weir_v1_StopShadowRequest__Output, _weir_v1_StopShadowResponse>;
  
  UpdateDetector: grpc.handleUnaryCall<_weir_v1_UpdateDetectorRequest__Output, _weir_v1_UpdateDetectorResponse>;
  
  VerifyState: grpc.handleServerStreamingCall<_weir_v1_VerifyStateRequest__Output, _weir_v1_VerifyStateResponse>;
  
}

export interface AdminServiceDefinition extends grpc.ServiceDefinition {
  BackUp: MethodDefinition<_weir_v1_BackUpRequest, _weir_v1_BackUpResponse, _weir_v1_BackUpRequest__Output, _weir_v1_BackUpResponse__Output>
  CreateSnapshot: MethodDefinition<_weir_v1_CreateSnapshotRequest, _weir_v1_CreateSnapshotResponse, _weir_v1_CreateSnapshotRequest__Output, _weir_v1_CreateSnapshotResponse__Output>
  ExplainVerdict: MethodDefinition<_weir_v1_ExplainVerdictRequest, _weir_v1_ExplainVerdictResponse, _weir_v1_ExplainVerdictRequest__Output, _weir_v1_ExplainVerdictResponse__Output>
  ExportDetector: MethodDefinition<_weir_v1_ExportDetectorRequest, _weir_v1_ExportDetectorResponse, _weir_v1_ExportDetectorRequest__Output, _weir_v1_ExportDetectorResponse__Output>
  GetShadowReport: MethodDefinition<_weir_v1_GetShadowReportRequest, _weir_v1_GetShadowReportResponse, _weir_v1_GetShadowReportRequest__Output, _weir_v1_GetShadowReportResponse__Output>
  GetState: MethodDefinition<_weir_v1_GetStateRequest, _weir_v1_GetStateResponse, _weir_v1_GetStateRequest__Output, _weir_v1_GetStateResponse__Output>
  ImportDetector: MethodDefinition<_weir_v1_ImportDetectorRequest, _weir_v1_ImportDetectorResponse, _weir_v1_ImportDetectorRequest__Output, _weir_v1_ImportDetectorResponse__Output>
  ListSnapshots: MethodDefinition<_weir_v1_ListSnapshotsRequest, _weir_v1_ListSnapshotsResponse, _weir_v1_ListSnapshotsRequest__Output, _weir_v1_ListSnapshotsResponse__Output>
  ListVersions: MethodDefinition<_weir_v1_ListVersionsRequest, _weir_v1_ListVersionsResponse, _weir_v1_ListVersionsRequest__Output, _weir_v1_ListVersionsResponse__Output>
  PromoteShadow: MethodDefinition<_weir_v1_PromoteShadowRequest, _weir_v1_PromoteShadowResponse, _weir_v1_PromoteShadowRequest__Output, _weir_v1_PromoteShadowResponse__Output>
  RollbackDetector: MethodDefinition<_weir_v1_RollbackDetectorRequest, _weir_v1_RollbackDetectorResponse, _weir_v1_RollbackDetectorRequest__Output, _weir_v1_RollbackDetectorResponse__Output>
  SetShadowShare: MethodDefinition<_weir_v1_SetShadowShareRequest, _weir_v1_SetShadowShareResponse, _weir_v1_SetShadowShareRequest__Output, _weir_v1_SetShadowShareResponse__Output>
  StartShadow: MethodDefinition<_weir_v1_StartShadowRequest, _weir_v1_StartShadowResponse, _weir_v1_StartShadowRequest__Output, _weir_v1_StartShadowResponse__Output>
  StopShadow: MethodDefinition<_weir_v1_StopShadowRequest, _weir_v1_StopShadowResponse, _weir_v1_StopShadowRequest__Output, _weir_v1_StopShadowResponse__Output>
  UpdateDetector: MethodDefinition<_weir_v1_UpdateDetectorRequest, _weir_v1_UpdateDetectorResponse, _weir_v1_UpdateDetectorRequest__Output, _weir_v1_UpdateDetectorResponse__Output>
  VerifyState: MethodDefinition<_weir_v1_VerifyStateRequest, _weir_v1_VerifyStateResponse, _weir_v1_VerifyStateRequest__Output, _weir_v1_VerifyStateResponse__Output>
}
