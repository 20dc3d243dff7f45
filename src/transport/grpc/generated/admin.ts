import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { AdminServiceClient as _weir_v1_AdminServiceClient, AdminServiceDefinition as _weir_v1_AdminServiceDefinition } from './weir/v1/AdminService.ts';
import type { Autoencoder as _weir_v1_Autoencoder, Autoencoder__Output as _weir_v1_Autoencoder__Output } from './weir/v1/Autoencoder.ts';
import type { BackUpRequest as _weir_v1_BackUpRequest, BackUpRequest__Output as _weir_v1_BackUpRequest__Output } from './weir/v1/BackUpRequest.ts';
import type { BackUpResponse as _weir_v1_BackUpResponse, BackUpResponse__Output as _weir_v1_BackUpResponse__Output } from './weir/v1/BackUpResponse.ts';
import type { Cblof as _weir_v1_Cblof, Cblof__Output as _weir_v1_Cblof__Output } from './weir/v1/Cblof.ts';
import type { Combination as _weir_v1_Combination, Combination__Output as _weir_v1_Combination__Output } from './weir/v1/Combination.ts';
import type { Copod as _weir_v1_Copod, Copod__Output as _weir_v1_Copod__Output } from './weir/v1/Copod.ts';
import type { CreateDetectorRequest as _weir_v1_CreateDetectorRequest, CreateDetectorRequest__Output as _weir_v1_CreateDetectorRequest__Output } from './weir/v1/CreateDetectorRequest.ts';
import type { CreateDetectorResponse as _weir_v1_CreateDetectorResponse, CreateDetectorResponse__Output as _weir_v1_CreateDetectorResponse__Output } from './weir/v1/CreateDetectorResponse.ts';
import type { CreateSnapshotRequest as _weir_v1_CreateSnapshotRequest, CreateSnapshotRequest__Output as _weir_v1_CreateSnapshotRequest__Output } from './weir/v1/CreateSnapshotRequest.ts';
import type { CreateSnapshotResponse as _weir_v1_CreateSnapshotResponse, CreateSnapshotResponse__Output as _weir_v1_CreateSnapshotResponse__Output } from './weir/v1/CreateSnapshotResponse.ts';
import type { DeleteDetectorRequest as _weir_v1_DeleteDetectorRequest, DeleteDetectorRequest__Output as _weir_v1_DeleteDetectorRequest__Output } from './weir/v1/DeleteDetectorRequest.ts';
import type { DeleteDetectorResponse as _weir_v1_DeleteDetectorResponse, DeleteDetectorResponse__Output as _weir_v1_DeleteDetectorResponse__Output } from './weir/v1/DeleteDetectorResponse.ts';
import type { Detector as _weir_v1_Detector, Detector__Output as _weir_v1_Detector__Output } from './weir/v1/Detector.ts';
import type { DetectorServiceClient as _weir_v1_DetectorServiceClient, DetectorServiceDefinition as _weir_v1_DetectorServiceDefinition } from './weir/v1/DetectorService.ts';
import type { DetectorSpec as _weir_v1_DetectorSpec, DetectorSpec__Output as _weir_v1_DetectorSpec__Output } from './weir/v1/DetectorSpec.ts';
import type { DetectorStatus as _weir_v1_DetectorStatus, DetectorStatus__Output as _weir_v1_DetectorStatus__Output } from './weir/v1/DetectorStatus.ts';
import type { Ecod as _weir_v1_Ecod, Ecod__Output as _weir_v1_Ecod__Output } from './weir/v1/Ecod.ts';
import type { Error as _weir_v1_Error, Error__Output as _weir_v1_Error__Output } from './weir/v1/Error.ts';
import type { Estimator as _weir_v1_Estimator, Estimator__Output as _weir_v1_Estimator__Output } from './weir/v1/Estimator.ts';
import type { Event as _weir_v1_Event, Event__Output as _weir_v1_Event__Output } from './weir/v1/Event.ts';
import type { EventTime as _weir_v1_EventTime, EventTime__Output as _weir_v1_EventTime__Output } from './weir/v1/EventTime.ts';
import type { ExplainVerdictRequest as _weir_v1_ExplainVerdictRequest, ExplainVerdictRequest__Output as _weir_v1_ExplainVerdictRequest__Output } from './weir/v1/ExplainVerdictRequest.ts';
import type { ExplainVerdictResponse as _weir_v1_ExplainVerdictResponse, ExplainVerdictResponse__Output as _weir_v1_ExplainVerdictResponse__Output } from './weir/v1/ExplainVerdictResponse.ts';
import type { ExportDetectorRequest as _weir_v1_ExportDetectorRequest, ExportDetectorRequest__Output as _weir_v1_ExportDetectorRequest__Output } from './weir/v1/ExportDetectorRequest.ts';
import type { ExportDetectorResponse as _weir_v1_ExportDetectorResponse, ExportDetectorResponse__Output as _weir_v1_ExportDetectorResponse__Output } from './weir/v1/ExportDetectorResponse.ts';
import type { Feature as _weir_v1_Feature, Feature__Output as _weir_v1_Feature__Output } from './weir/v1/Feature.ts';
import type { FeatureWindow as _weir_v1_FeatureWindow, FeatureWindow__Output as _weir_v1_FeatureWindow__Output } from './weir/v1/FeatureWindow.ts';
import type { Filter as _weir_v1_Filter, Filter__Output as _weir_v1_Filter__Output } from './weir/v1/Filter.ts';
import type { Frame as _weir_v1_Frame, Frame__Output as _weir_v1_Frame__Output } from './weir/v1/Frame.ts';
import type { FrameVerdicts as _weir_v1_FrameVerdicts, FrameVerdicts__Output as _weir_v1_FrameVerdicts__Output } from './weir/v1/FrameVerdicts.ts';
import type { GetDetectorRequest as _weir_v1_GetDetectorRequest, GetDetectorRequest__Output as _weir_v1_GetDetectorRequest__Output } from './weir/v1/GetDetectorRequest.ts';
import type { GetDetectorResponse as _weir_v1_GetDetectorResponse, GetDetectorResponse__Output as _weir_v1_GetDetectorResponse__Output } from './weir/v1/GetDetectorResponse.ts';
import type { GetShadowReportRequest as _weir_v1_GetShadowReportRequest, GetShadowReportRequest__Output as _weir_v1_GetShadowReportRequest__Output } from './weir/v1/GetShadowReportRequest.ts';
import type { GetShadowReportResponse as _weir_v1_GetShadowReportResponse, GetShadowReportResponse__Output as _weir_v1_GetShadowReportResponse__Output } from './weir/v1/GetShadowReportResponse.ts';
import type { GetStateRequest as _weir_v1_GetStateRequest, GetStateRequest__Output as _weir_v1_GetStateRequest__Output } from './weir/v1/GetStateRequest.ts';
import type { GetStateResponse as _weir_v1_GetStateResponse, GetStateResponse__Output as _weir_v1_GetStateResponse__Output } from './weir/v1/GetStateResponse.ts';
import type { HalfSpaceTrees as _weir_v1_HalfSpaceTrees, HalfSpaceTrees__Output as _weir_v1_HalfSpaceTrees__Output } from './weir/v1/HalfSpaceTrees.ts';
import type { Hbos as _weir_v1_Hbos, Hbos__Output as _weir_v1_Hbos__Output } from './weir/v1/Hbos.ts';
import type { Hopping as _weir_v1_Hopping, Hopping__Output as _weir_v1_Hopping__Output } from './weir/v1/Hopping.ts';
import type { ImportDetectorRequest as _weir_v1_ImportDetectorRequest, ImportDetectorRequest__Output as _weir_v1_ImportDetectorRequest__Output } from './weir/v1/ImportDetectorRequest.ts';
import type { ImportDetectorResponse as _weir_v1_ImportDetectorResponse, ImportDetectorResponse__Output as _weir_v1_ImportDetectorResponse__Output } from './weir/v1/ImportDetectorResponse.ts';
import type { Input as _weir_v1_Input, Input__Output as _weir_v1_Input__Output } from './weir/v1/Input.ts';
import type { IsolationForest as _weir_v1_IsolationForest, IsolationForest__Output as _weir_v1_IsolationForest__Output } from './weir/v1/IsolationForest.ts';
import type { Knn as _weir_v1_Knn, Knn__Output as _weir_v1_Knn__Output } from './weir/v1/Knn.ts';
import type { Limits as _weir_v1_Limits, Limits__Output as _weir_v1_Limits__Output } from './weir/v1/Limits.ts';
import type { ListDetectorsRequest as _weir_v1_ListDetectorsRequest, ListDetectorsRequest__Output as _weir_v1_ListDetectorsRequest__Output } from './weir/v1/ListDetectorsRequest.ts';
import type { ListDetectorsResponse as _weir_v1_ListDetectorsResponse, ListDetectorsResponse__Output as _weir_v1_ListDetectorsResponse__Output } from './weir/v1/ListDetectorsResponse.ts';
import type { ListSnapshotsRequest as _weir_v1_ListSnapshotsRequest, ListSnapshotsRequest__Output as _weir_v1_ListSnapshotsRequest__Output } from './weir/v1/ListSnapshotsRequest.ts';
import type { ListSnapshotsResponse as _weir_v1_ListSnapshotsResponse, ListSnapshotsResponse__Output as _weir_v1_ListSnapshotsResponse__Output } from './weir/v1/ListSnapshotsResponse.ts';
import type { ListVersionsRequest as _weir_v1_ListVersionsRequest, ListVersionsRequest__Output as _weir_v1_ListVersionsRequest__Output } from './weir/v1/ListVersionsRequest.ts';
import type { ListVersionsResponse as _weir_v1_ListVersionsResponse, ListVersionsResponse__Output as _weir_v1_ListVersionsResponse__Output } from './weir/v1/ListVersionsResponse.ts';
import type { LocalOutlierFactor as _weir_v1_LocalOutlierFactor, LocalOutlierFactor__Output as _weir_v1_LocalOutlierFactor__Output } from './weir/v1/LocalOutlierFactor.ts';
import type { Loda as _weir_v1_Loda, Loda__Output as _weir_v1_Loda__Output } from './weir/v1/Loda.ts';
import type { Mcd as _weir_v1_Mcd, Mcd__Output as _weir_v1_Mcd__Output } from './weir/v1/Mcd.ts';
import type { OneClassSvm as _weir_v1_OneClassSvm, OneClassSvm__Output as _weir_v1_OneClassSvm__Output } from './weir/v1/OneClassSvm.ts';
import type { PromoteShadowRequest as _weir_v1_PromoteShadowRequest, PromoteShadowRequest__Output as _weir_v1_PromoteShadowRequest__Output } from './weir/v1/PromoteShadowRequest.ts';
import type { PromoteShadowResponse as _weir_v1_PromoteShadowResponse, PromoteShadowResponse__Output as _weir_v1_PromoteShadowResponse__Output } from './weir/v1/PromoteShadowResponse.ts';
import type { Reason as _weir_v1_Reason, Reason__Output as _weir_v1_Reason__Output } from './weir/v1/Reason.ts';
import type { ResetDetectorRequest as _weir_v1_ResetDetectorRequest, ResetDetectorRequest__Output as _weir_v1_ResetDetectorRequest__Output } from './weir/v1/ResetDetectorRequest.ts';
import type { ResetDetectorResponse as _weir_v1_ResetDetectorResponse, ResetDetectorResponse__Output as _weir_v1_ResetDetectorResponse__Output } from './weir/v1/ResetDetectorResponse.ts';
import type { RollbackDetectorRequest as _weir_v1_RollbackDetectorRequest, RollbackDetectorRequest__Output as _weir_v1_RollbackDetectorRequest__Output } from './weir/v1/RollbackDetectorRequest.ts';
import type { RollbackDetectorResponse as _weir_v1_RollbackDetectorResponse, RollbackDetectorResponse__Output as _weir_v1_RollbackDetectorResponse__Output } from './weir/v1/RollbackDetectorResponse.ts';
import type { Rule as _weir_v1_Rule, Rule__Output as _weir_v1_Rule__Output } from './weir/v1/Rule.ts';
import type { ScoreRequest as _weir_v1_ScoreRequest, ScoreRequest__Output as _weir_v1_ScoreRequest__Output } from './weir/v1/ScoreRequest.ts';
import type { ScoreResponse as _weir_v1_ScoreResponse, ScoreResponse__Output as _weir_v1_ScoreResponse__Output } from './weir/v1/ScoreResponse.ts';
import type { ScoreStreamRequest as _weir_v1_ScoreStreamRequest, ScoreStreamRequest__Output as _weir_v1_ScoreStreamRequest__Output } from './weir/v1/ScoreStreamRequest.ts';
import type { ScoreStreamResponse as _weir_v1_ScoreStreamResponse, ScoreStreamResponse__Output as _weir_v1_ScoreStreamResponse__Output } from './weir/v1/ScoreStreamResponse.ts';
import type { ScoringServiceClient as _weir_v1_ScoringServiceClient, ScoringServiceDefinition as _weir_v1_ScoringServiceDefinition } from './weir/v1/ScoringService.ts';
import type { SetShadowShareRequest as _weir_v1_SetShadowShareRequest, SetShadowShareRequest__Output as _weir_v1_SetShadowShareRequest__Output } from './weir/v1/SetShadowShareRequest.ts';
import type { SetShadowShareResponse as _weir_v1_SetShadowShareResponse, SetShadowShareResponse__Output as _weir_v1_SetShadowShareResponse__Output } from './weir/v1/SetShadowShareResponse.ts';
import type { Snapshot as _weir_v1_Snapshot, Snapshot__Output as _weir_v1_Snapshot__Output } from './weir/v1/Snapshot.ts';
import type { StartShadowRequest as _weir_v1_StartShadowRequest, StartShadowRequest__Output as _weir_v1_StartShadowRequest__Output } from './weir/v1/StartShadowRequest.ts';
import type { StartShadowResponse as _weir_v1_StartShadowResponse, StartShadowResponse__Output as _weir_v1_StartShadowResponse__Output } from './weir/v1/StartShadowResponse.ts';
import type { StopShadowRequest as _weir_v1_StopShadowRequest, StopShadowRequest__Output as _weir_v1_StopShadowRequest__Output } from './weir/v1/StopShadowRequest.ts';
import type { StopShadowResponse as _weir_v1_StopShadowResponse, StopShadowResponse__Output as _weir_v1_StopShadowResponse__Output } from './weir/v1/StopShadowResponse.ts';
import type { Suod as _weir_v1_Suod, Suod__Output as _weir_v1_Suod__Output } from './weir/v1/Suod.ts';
import type { Swap as _weir_v1_Swap, Swap__Output as _weir_v1_Swap__Output } from './weir/v1/Swap.ts';
import type { TrainingStatus as _weir_v1_TrainingStatus, TrainingStatus__Output as _weir_v1_TrainingStatus__Output } from './weir/v1/TrainingStatus.ts';
import type { Trigger as _weir_v1_Trigger, Trigger__Output as _weir_v1_Trigger__Output } from './weir/v1/Trigger.ts';
import type { UpdateDetectorRequest as _weir_v1_UpdateDetectorRequest, UpdateDetectorRequest__Output as _weir_v1_UpdateDetectorRequest__Output } from './weir/v1/UpdateDetectorRequest.ts';
import type { UpdateDetectorResponse as _weir_v1_UpdateDetectorResponse, UpdateDetectorResponse__Output as _weir_v1_UpdateDetectorResponse__Output } from './weir/v1/UpdateDetectorResponse.ts';
import type { Verdict as _weir_v1_Verdict, Verdict__Output as _weir_v1_Verdict__Output } from './weir/v1/Verdict.ts';
import type { VerifyStateRequest as _weir_v1_VerifyStateRequest, VerifyStateRequest__Output as _weir_v1_VerifyStateRequest__Output } from './weir/v1/VerifyStateRequest.ts';
import type { VerifyStateResponse as _weir_v1_VerifyStateResponse, VerifyStateResponse__Output as _weir_v1_VerifyStateResponse__Output } from './weir/v1/VerifyStateResponse.ts';
import type { Version as _weir_v1_Version, Version__Output as _weir_v1_Version__Output } from './weir/v1/Version.ts';
import type { Violation as _weir_v1_Violation, Violation__Output as _weir_v1_Violation__Output } from './weir/v1/Violation.ts';
import type { WatchAlertsRequest as _weir_v1_WatchAlertsRequest, WatchAlertsRequest__Output as _weir_v1_WatchAlertsRequest__Output } from './weir/v1/WatchAlertsRequest.ts';
import type { WatchAlertsResponse as _weir_v1_WatchAlertsResponse, WatchAlertsResponse__Output as _weir_v1_WatchAlertsResponse__Output } from './weir/v1/WatchAlertsResponse.ts';
import type { Window as _weir_v1_Window, Window__Output as _weir_v1_Window__Output } from './weir/v1/Window.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  weir: {
    v1: {
      AdminService: SubtypeConstructor<typeof grpc.Client, _weir_v1_AdminServiceClient> & { service: _weir_v1_AdminServiceDefinition }
      Aggregate: EnumTypeDefinition
      AtKeysMax: EnumTypeDefinition
      Autoencoder: MessageTypeDefinition<_weir_v1_Autoencoder, _weir_v1_Autoencoder__Output>
      BackUpRequest: MessageTypeDefinition<_weir_v1_BackUpRequest, _weir_v1_BackUpRequest__Output>
      BackUpResponse: MessageTypeDefinition<_weir_v1_BackUpResponse, _weir_v1_BackUpResponse__Output>
      Cblof: MessageTypeDefinition<_weir_v1_Cblof, _weir_v1_Cblof__Output>
      Combination: MessageTypeDefinition<_weir_v1_Combination, _weir_v1_Combination__Output>
      Copod: MessageTypeDefinition<_weir_v1_Copod, _weir_v1_Copod__Output>
      CreateDetectorRequest: MessageTypeDefinition<_weir_v1_CreateDetectorRequest, _weir_v1_CreateDetectorRequest__Output>
      CreateDetectorResponse: MessageTypeDefinition<_weir_v1_CreateDetectorResponse, _weir_v1_CreateDetectorResponse__Output>
      CreateSnapshotRequest: MessageTypeDefinition<_weir_v1_CreateSnapshotRequest, _weir_v1_CreateSnapshotRequest__Output>
      CreateSnapshotResponse: MessageTypeDefinition<_weir_v1_CreateSnapshotResponse, _weir_v1_CreateSnapshotResponse__Output>
      DeleteDetectorRequest: MessageTypeDefinition<_weir_v1_DeleteDetectorRequest, _weir_v1_DeleteDetectorRequest__Output>
      DeleteDetectorResponse: MessageTypeDefinition<_weir_v1_DeleteDetectorResponse, _weir_v1_DeleteDetectorResponse__Output>
      Detector: MessageTypeDefinition<_weir_v1_Detector, _weir_v1_Detector__Output>
      DetectorService: SubtypeConstructor<typeof grpc.Client, _weir_v1_DetectorServiceClient> & { service: _weir_v1_DetectorServiceDefinition }
      DetectorSpec: MessageTypeDefinition<_weir_v1_DetectorSpec, _weir_v1_DetectorSpec__Output>
      DetectorStatus: MessageTypeDefinition<_weir_v1_DetectorStatus, _weir_v1_DetectorStatus__Output>
      Durability: EnumTypeDefinition
      Ecod: MessageTypeDefinition<_weir_v1_Ecod, _weir_v1_Ecod__Output>
      Encode: EnumTypeDefinition
      Encoding: EnumTypeDefinition
      Error: MessageTypeDefinition<_weir_v1_Error, _weir_v1_Error__Output>
      Estimator: MessageTypeDefinition<_weir_v1_Estimator, _weir_v1_Estimator__Output>
      Event: MessageTypeDefinition<_weir_v1_Event, _weir_v1_Event__Output>
      EventTime: MessageTypeDefinition<_weir_v1_EventTime, _weir_v1_EventTime__Output>
      ExplainVerdictRequest: MessageTypeDefinition<_weir_v1_ExplainVerdictRequest, _weir_v1_ExplainVerdictRequest__Output>
      ExplainVerdictResponse: MessageTypeDefinition<_weir_v1_ExplainVerdictResponse, _weir_v1_ExplainVerdictResponse__Output>
      ExportDetectorRequest: MessageTypeDefinition<_weir_v1_ExportDetectorRequest, _weir_v1_ExportDetectorRequest__Output>
      ExportDetectorResponse: MessageTypeDefinition<_weir_v1_ExportDetectorResponse, _weir_v1_ExportDetectorResponse__Output>
      Feature: MessageTypeDefinition<_weir_v1_Feature, _weir_v1_Feature__Output>
      FeatureWindow: MessageTypeDefinition<_weir_v1_FeatureWindow, _weir_v1_FeatureWindow__Output>
      Filter: MessageTypeDefinition<_weir_v1_Filter, _weir_v1_Filter__Output>
      FlaggedRows: EnumTypeDefinition
      Frame: MessageTypeDefinition<_weir_v1_Frame, _weir_v1_Frame__Output>
      FrameVerdicts: MessageTypeDefinition<_weir_v1_FrameVerdicts, _weir_v1_FrameVerdicts__Output>
      GetDetectorRequest: MessageTypeDefinition<_weir_v1_GetDetectorRequest, _weir_v1_GetDetectorRequest__Output>
      GetDetectorResponse: MessageTypeDefinition<_weir_v1_GetDetectorResponse, _weir_v1_GetDetectorResponse__Output>
      GetShadowReportRequest: MessageTypeDefinition<_weir_v1_GetShadowReportRequest, _weir_v1_GetShadowReportRequest__Output>
      GetShadowReportResponse: MessageTypeDefinition<_weir_v1_GetShadowReportResponse, _weir_v1_GetShadowReportResponse__Output>
      GetStateRequest: MessageTypeDefinition<_weir_v1_GetStateRequest, _weir_v1_GetStateRequest__Output>
      GetStateResponse: MessageTypeDefinition<_weir_v1_GetStateResponse, _weir_v1_GetStateResponse__Output>
      HalfSpaceTrees: MessageTypeDefinition<_weir_v1_HalfSpaceTrees, _weir_v1_HalfSpaceTrees__Output>
      Hbos: MessageTypeDefinition<_weir_v1_Hbos, _weir_v1_Hbos__Output>
      Hopping: MessageTypeDefinition<_weir_v1_Hopping, _weir_v1_Hopping__Output>
      ImportDetectorRequest: MessageTypeDefinition<_weir_v1_ImportDetectorRequest, _weir_v1_ImportDetectorRequest__Output>
      ImportDetectorResponse: MessageTypeDefinition<_weir_v1_ImportDetectorResponse, _weir_v1_ImportDetectorResponse__Output>
      Input: MessageTypeDefinition<_weir_v1_Input, _weir_v1_Input__Output>
      InputType: EnumTypeDefinition
      IsolationForest: MessageTypeDefinition<_weir_v1_IsolationForest, _weir_v1_IsolationForest__Output>
      Knn: MessageTypeDefinition<_weir_v1_Knn, _weir_v1_Knn__Output>
      Limits: MessageTypeDefinition<_weir_v1_Limits, _weir_v1_Limits__Output>
      ListDetectorsRequest: MessageTypeDefinition<_weir_v1_ListDetectorsRequest, _weir_v1_ListDetectorsRequest__Output>
      ListDetectorsResponse: MessageTypeDefinition<_weir_v1_ListDetectorsResponse, _weir_v1_ListDetectorsResponse__Output>
      ListSnapshotsRequest: MessageTypeDefinition<_weir_v1_ListSnapshotsRequest, _weir_v1_ListSnapshotsRequest__Output>
      ListSnapshotsResponse: MessageTypeDefinition<_weir_v1_ListSnapshotsResponse, _weir_v1_ListSnapshotsResponse__Output>
      ListVersionsRequest: MessageTypeDefinition<_weir_v1_ListVersionsRequest, _weir_v1_ListVersionsRequest__Output>
      ListVersionsResponse: MessageTypeDefinition<_weir_v1_ListVersionsResponse, _weir_v1_ListVersionsResponse__Output>
      LocalOutlierFactor: MessageTypeDefinition<_weir_v1_LocalOutlierFactor, _weir_v1_LocalOutlierFactor__Output>
      Loda: MessageTypeDefinition<_weir_v1_Loda, _weir_v1_Loda__Output>
      Mcd: MessageTypeDefinition<_weir_v1_Mcd, _weir_v1_Mcd__Output>
      Missing: EnumTypeDefinition
      Mode: EnumTypeDefinition
      Normalization: EnumTypeDefinition
      OneClassSvm: MessageTypeDefinition<_weir_v1_OneClassSvm, _weir_v1_OneClassSvm__Output>
      PromoteShadowRequest: MessageTypeDefinition<_weir_v1_PromoteShadowRequest, _weir_v1_PromoteShadowRequest__Output>
      PromoteShadowResponse: MessageTypeDefinition<_weir_v1_PromoteShadowResponse, _weir_v1_PromoteShadowResponse__Output>
      Reason: MessageTypeDefinition<_weir_v1_Reason, _weir_v1_Reason__Output>
      ResetDetectorRequest: MessageTypeDefinition<_weir_v1_ResetDetectorRequest, _weir_v1_ResetDetectorRequest__Output>
      ResetDetectorResponse: MessageTypeDefinition<_weir_v1_ResetDetectorResponse, _weir_v1_ResetDetectorResponse__Output>
      RollbackDetectorRequest: MessageTypeDefinition<_weir_v1_RollbackDetectorRequest, _weir_v1_RollbackDetectorRequest__Output>
      RollbackDetectorResponse: MessageTypeDefinition<_weir_v1_RollbackDetectorResponse, _weir_v1_RollbackDetectorResponse__Output>
      Rule: MessageTypeDefinition<_weir_v1_Rule, _weir_v1_Rule__Output>
      Scaler: EnumTypeDefinition
      Scope: EnumTypeDefinition
      ScoreRequest: MessageTypeDefinition<_weir_v1_ScoreRequest, _weir_v1_ScoreRequest__Output>
      ScoreResponse: MessageTypeDefinition<_weir_v1_ScoreResponse, _weir_v1_ScoreResponse__Output>
      ScoreStreamRequest: MessageTypeDefinition<_weir_v1_ScoreStreamRequest, _weir_v1_ScoreStreamRequest__Output>
      ScoreStreamResponse: MessageTypeDefinition<_weir_v1_ScoreStreamResponse, _weir_v1_ScoreStreamResponse__Output>
      ScoringService: SubtypeConstructor<typeof grpc.Client, _weir_v1_ScoringServiceClient> & { service: _weir_v1_ScoringServiceDefinition }
      SetShadowShareRequest: MessageTypeDefinition<_weir_v1_SetShadowShareRequest, _weir_v1_SetShadowShareRequest__Output>
      SetShadowShareResponse: MessageTypeDefinition<_weir_v1_SetShadowShareResponse, _weir_v1_SetShadowShareResponse__Output>
      Snapshot: MessageTypeDefinition<_weir_v1_Snapshot, _weir_v1_Snapshot__Output>
      Source: EnumTypeDefinition
      StartShadowRequest: MessageTypeDefinition<_weir_v1_StartShadowRequest, _weir_v1_StartShadowRequest__Output>
      StartShadowResponse: MessageTypeDefinition<_weir_v1_StartShadowResponse, _weir_v1_StartShadowResponse__Output>
      State: EnumTypeDefinition
      StopShadowRequest: MessageTypeDefinition<_weir_v1_StopShadowRequest, _weir_v1_StopShadowRequest__Output>
      StopShadowResponse: MessageTypeDefinition<_weir_v1_StopShadowResponse, _weir_v1_StopShadowResponse__Output>
      Suod: MessageTypeDefinition<_weir_v1_Suod, _weir_v1_Suod__Output>
      Swap: MessageTypeDefinition<_weir_v1_Swap, _weir_v1_Swap__Output>
      TimePolicy: EnumTypeDefinition
      Timeliness: EnumTypeDefinition
      TrainingStatus: MessageTypeDefinition<_weir_v1_TrainingStatus, _weir_v1_TrainingStatus__Output>
      Trigger: MessageTypeDefinition<_weir_v1_Trigger, _weir_v1_Trigger__Output>
      UpdateDetectorRequest: MessageTypeDefinition<_weir_v1_UpdateDetectorRequest, _weir_v1_UpdateDetectorRequest__Output>
      UpdateDetectorResponse: MessageTypeDefinition<_weir_v1_UpdateDetectorResponse, _weir_v1_UpdateDetectorResponse__Output>
      Verdict: MessageTypeDefinition<_weir_v1_Verdict, _weir_v1_Verdict__Output>
      VerifyStateRequest: MessageTypeDefinition<_weir_v1_VerifyStateRequest, _weir_v1_VerifyStateRequest__Output>
      VerifyStateResponse: MessageTypeDefinition<_weir_v1_VerifyStateResponse, _weir_v1_VerifyStateResponse__Output>
      Version: MessageTypeDefinition<_weir_v1_Version, _weir_v1_Version__Output>
      VersionState: EnumTypeDefinition
      Violation: MessageTypeDefinition<_weir_v1_Violation, _weir_v1_Violation__Output>
      WatchAlertsRequest: MessageTypeDefinition<_weir_v1_WatchAlertsRequest, _weir_v1_WatchAlertsRequest__Output>
      WatchAlertsResponse: MessageTypeDefinition<_weir_v1_WatchAlertsResponse, _weir_v1_WatchAlertsResponse__Output>
      Window: MessageTypeDefinition<_weir_v1_Window, _weir_v1_Window__Output>
    }
  }
}

