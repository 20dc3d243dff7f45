import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Autoencoder as _weir_v1_Autoencoder, Autoencoder__Output as _weir_v1_Autoencoder__Output } from './weir/v1/Autoencoder.ts';
import type { Cblof as _weir_v1_Cblof, Cblof__Output as _weir_v1_Cblof__Output } from './weir/v1/Cblof.ts';
import type { Combination as _weir_v1_Combination, Combination__Output as _weir_v1_Combination__Output } from './weir/v1/Combination.ts';
import type { Copod as _weir_v1_Copod, Copod__Output as _weir_v1_Copod__Output } from './weir/v1/Copod.ts';
import type { CreateDetectorRequest as _weir_v1_CreateDetectorRequest, CreateDetectorRequest__Output as _weir_v1_CreateDetectorRequest__Output } from './weir/v1/CreateDetectorRequest.ts';
import type { CreateDetectorResponse as _weir_v1_CreateDetectorResponse, CreateDetectorResponse__Output as _weir_v1_CreateDetectorResponse__Output } from './weir/v1/CreateDetectorResponse.ts';
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
import type { Feature as _weir_v1_Feature, Feature__Output as _weir_v1_Feature__Output } from './weir/v1/Feature.ts';
import type { FeatureWindow as _weir_v1_FeatureWindow, FeatureWindow__Output as _weir_v1_FeatureWindow__Output } from './weir/v1/FeatureWindow.ts';
import type { Filter as _weir_v1_Filter, Filter__Output as _weir_v1_Filter__Output } from './weir/v1/Filter.ts';
import type { Frame as _weir_v1_Frame, Frame__Output as _weir_v1_Frame__Output } from './weir/v1/Frame.ts';
import type { FrameVerdicts as _weir_v1_FrameVerdicts, FrameVerdicts__Output as _weir_v1_FrameVerdicts__Output } from './weir/v1/FrameVerdicts.ts';
import type { GetDetectorRequest as _weir_v1_GetDetectorRequest, GetDetectorRequest__Output as _weir_v1_GetDetectorRequest__Output } from './weir/v1/GetDetectorRequest.ts';
import type { GetDetectorResponse as _weir_v1_GetDetectorResponse, GetDetectorResponse__Output as _weir_v1_GetDetectorResponse__Output } from './weir/v1/GetDetectorResponse.ts';
import type { HalfSpaceTrees as _weir_v1_HalfSpaceTrees, HalfSpaceTrees__Output as _weir_v1_HalfSpaceTrees__Output } from './weir/v1/HalfSpaceTrees.ts';
import type { Hbos as _weir_v1_Hbos, Hbos__Output as _weir_v1_Hbos__Output } from './weir/v1/Hbos.ts';
import type { Hopping as _weir_v1_Hopping, Hopping__Output as _weir_v1_Hopping__Output } from './weir/v1/Hopping.ts';
import type { Input as _weir_v1_Input, Input__Output as _weir_v1_Input__Output } from './weir/v1/Input.ts';
import type { IsolationForest as _weir_v1_IsolationForest, IsolationForest__Output as _weir_v1_IsolationForest__Output } from './weir/v1/IsolationForest.ts';
import type { Knn as _weir_v1_Knn, Knn__Output as _weir_v1_Knn__Output } from './weir/v1/Knn.ts';
import type { Limits as _weir_v1_Limits, Limits__Output as _weir_v1_Limits__Output } from './weir/v1/Limits.ts';
import type { ListDetectorsRequest as _weir_v1_ListDetectorsRequest, ListDetectorsRequest__Output as _weir_v1_ListDetectorsRequest__Output } from './weir/v1/ListDetectorsRequest.ts';
import type { ListDetectorsResponse as _weir_v1_ListDetectorsResponse, ListDetectorsResponse__Output as _weir_v1_ListDetectorsResponse__Output } from './weir/v1/ListDetectorsResponse.ts';
import type { LocalOutlierFactor as _weir_v1_LocalOutlierFactor, LocalOutlierFactor__Output as _weir_v1_LocalOutlierFactor__Output } from './weir/v1/LocalOutlierFactor.ts';
import type { Loda as _weir_v1_Loda, Loda__Output as _weir_v1_Loda__Output } from './weir/v1/Loda.ts';
import type { Mcd as _weir_v1_Mcd, Mcd__Output as _weir_v1_Mcd__Output } from './weir/v1/Mcd.ts';
import type { OneClassSvm as _weir_v1_OneClassSvm, OneClassSvm__Output as _weir_v1_OneClassSvm__Output } from './weir/v1/OneClassSvm.ts';
import type { Reason as _weir_v1_Reason, Reason__Output as _weir_v1_Reason__Output } from './weir/v1/Reason.ts';
import type { ResetDetectorRequest as _weir_v1_ResetDetectorRequest, ResetDetectorRequest__Output as _weir_v1_ResetDetectorRequest__Output } from './weir/v1/ResetDetectorRequest.ts';
import type { ResetDetectorResponse as _weir_v1_ResetDetectorResponse, ResetDetectorResponse__Output as _weir_v1_ResetDetectorResponse__Output } from './weir/v1/ResetDetectorResponse.ts';
import type { Rule as _weir_v1_Rule, Rule__Output as _weir_v1_Rule__Output } from './weir/v1/Rule.ts';
import type { ScoreRequest as _weir_v1_ScoreRequest, ScoreRequest__Output as _weir_v1_ScoreRequest__Output } from './weir/v1/ScoreRequest.ts';
import type { ScoreResponse as _weir_v1_ScoreResponse, ScoreResponse__Output as _weir_v1_ScoreResponse__Output } from './weir/v1/ScoreResponse.ts';
import type { ScoreStreamRequest as _weir_v1_ScoreStreamRequest, ScoreStreamRequest__Output as _weir_v1_ScoreStreamRequest__Output } from './weir/v1/ScoreStreamRequest.ts';
import type { ScoreStreamResponse as _weir_v1_ScoreStreamResponse, ScoreStreamResponse__Output as _weir_v1_ScoreStreamResponse__Output } from './weir/v1/ScoreStreamResponse.ts';
import type { ScoringServiceClient as _weir_v1_ScoringServiceClient, ScoringServiceDefinition as _weir_v1_ScoringServiceDefinition } from './weir/v1/ScoringService.ts';
import type { Suod as _weir_v1_Suod, Suod__Output as _weir_v1_Suod__Output } from './weir/v1/Suod.ts';
import type { Swap as _weir_v1_Swap, Swap__Output as _weir_v1_Swap__Output } from './weir/v1/Swap.ts';
import type { TrainingStatus as _weir_v1_TrainingStatus, TrainingStatus__Output as _weir_v1_TrainingStatus__Output } from './weir/v1/TrainingStatus.ts';
import type { Trigger as _weir_v1_Trigger, Trigger__Output as _weir_v1_Trigger__Output } from './weir/v1/Trigger.ts';
import type { Verdict as _weir_v1_Verdict, Verdict__Output as _weir_v1_Verdict__Output } from './weir/v1/Verdict.ts';
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
      Aggregate: EnumTypeDefinition
      AtKeysMax: EnumTypeDefinition
      Autoencoder: MessageTypeDefinition<_weir_v1_Autoencoder, _weir_v1_Autoencoder__Output>
      Cblof: MessageTypeDefinition<_weir_v1_Cblof, _weir_v1_Cblof__Output>
      Combination: MessageTypeDefinition<_weir_v1_Combination, _weir_v1_Combination__Output>
      Copod: MessageTypeDefinition<_weir_v1_Copod, _weir_v1_Copod__Output>
      CreateDetectorRequest: MessageTypeDefinition<_weir_v1_CreateDetectorRequest, _weir_v1_CreateDetectorRequest__Output>
      CreateDetectorResponse: MessageTypeDefinition<_weir_v1_CreateDetectorResponse, _weir_v1_CreateDetectorResponse__Output>
      DeleteDetectorRequest: MessageTypeDefinition<_weir_v1_DeleteDetectorRequest, _weir_v1_DeleteDetectorRequest__Output>
      DeleteDetectorResponse: MessageTypeDefinition<_weir_v1_DeleteDetectorResponse, _weir_v1_DeleteDetectorResponse__Output>
      Detector: MessageTypeDefinition<_weir_v1_Detector, _weir_v1_Detector__Output>
      DetectorService: SubtypeConstructor<typeof grpc.Client, _weir_v1_DetectorServiceClient> & { service: _weir_v1_DetectorServiceDefinition }
      DetectorSpec: MessageTypeDefinition<_weir_v1_DetectorSpec, _weir_v1_DetectorSpec__Output>
      DetectorStatus: MessageTypeDefinition<_weir_v1_DetectorStatus, _weir_v1_DetectorStatus__Output>
      Ecod: MessageTypeDefinition<_weir_v1_Ecod, _weir_v1_Ecod__Output>
      Encode: EnumTypeDefinition
      Encoding: EnumTypeDefinition
      Error: MessageTypeDefinition<_weir_v1_Error, _weir_v1_Error__Output>
      Estimator: MessageTypeDefinition<_weir_v1_Estimator, _weir_v1_Estimator__Output>
      Event: MessageTypeDefinition<_weir_v1_Event, _weir_v1_Event__Output>
      EventTime: MessageTypeDefinition<_weir_v1_EventTime, _weir_v1_EventTime__Output>
      Feature: MessageTypeDefinition<_weir_v1_Feature, _weir_v1_Feature__Output>
      FeatureWindow: MessageTypeDefinition<_weir_v1_FeatureWindow, _weir_v1_FeatureWindow__Output>
      Filter: MessageTypeDefinition<_weir_v1_Filter, _weir_v1_Filter__Output>
      FlaggedRows: EnumTypeDefinition
      Frame: MessageTypeDefinition<_weir_v1_Frame, _weir_v1_Frame__Output>
      FrameVerdicts: MessageTypeDefinition<_weir_v1_FrameVerdicts, _weir_v1_FrameVerdicts__Output>
      GetDetectorRequest: MessageTypeDefinition<_weir_v1_GetDetectorRequest, _weir_v1_GetDetectorRequest__Output>
      GetDetectorResponse: MessageTypeDefinition<_weir_v1_GetDetectorResponse, _weir_v1_GetDetectorResponse__Output>
      HalfSpaceTrees: MessageTypeDefinition<_weir_v1_HalfSpaceTrees, _weir_v1_HalfSpaceTrees__Output>
      Hbos: MessageTypeDefinition<_weir_v1_Hbos, _weir_v1_Hbos__Output>
      Hopping: MessageTypeDefinition<_weir_v1_Hopping, _weir_v1_Hopping__Output>
      Input: MessageTypeDefinition<_weir_v1_Input, _weir_v1_Input__Output>
      InputType: EnumTypeDefinition
      IsolationForest: MessageTypeDefinition<_weir_v1_IsolationForest, _weir_v1_IsolationForest__Output>
      Knn: MessageTypeDefinition<_weir_v1_Knn, _weir_v1_Knn__Output>
      Limits: MessageTypeDefinition<_weir_v1_Limits, _weir_v1_Limits__Output>
      ListDetectorsRequest: MessageTypeDefinition<_weir_v1_ListDetectorsRequest, _weir_v1_ListDetectorsRequest__Output>
      ListDetectorsResponse: MessageTypeDefinition<_weir_v1_ListDetectorsResponse, _weir_v1_ListDetectorsResponse__Output>
      LocalOutlierFactor: MessageTypeDefinition<_weir_v1_LocalOutlierFactor, _weir_v1_LocalOutlierFactor__Output>
      Loda: MessageTypeDefinition<_weir_v1_Loda, _weir_v1_Loda__Output>
      Mcd: MessageTypeDefinition<_weir_v1_Mcd, _weir_v1_Mcd__Output>
      Missing: EnumTypeDefinition
      Mode: EnumTypeDefinition
      Normalization: EnumTypeDefinition
      OneClassSvm: MessageTypeDefinition<_weir_v1_OneClassSvm, _weir_v1_OneClassSvm__Output>
      Reason: MessageTypeDefinition<_weir_v1_Reason, _weir_v1_Reason__Output>
      ResetDetectorRequest: MessageTypeDefinition<_weir_v1_ResetDetectorRequest, _weir_v1_ResetDetectorRequest__Output>
      ResetDetectorResponse: MessageTypeDefinition<_weir_v1_ResetDetectorResponse, _weir_v1_ResetDetectorResponse__Output>
      Rule: MessageTypeDefinition<_weir_v1_Rule, _weir_v1_Rule__Output>
      Scaler: EnumTypeDefinition
      Scope: EnumTypeDefinition
      ScoreRequest: MessageTypeDefinition<_weir_v1_ScoreRequest, _weir_v1_ScoreRequest__Output>
      ScoreResponse: MessageTypeDefinition<_weir_v1_ScoreResponse, _weir_v1_ScoreResponse__Output>
      ScoreStreamRequest: MessageTypeDefinition<_weir_v1_ScoreStreamRequest, _weir_v1_ScoreStreamRequest__Output>
      ScoreStreamResponse: MessageTypeDefinition<_weir_v1_ScoreStreamResponse, _weir_v1_ScoreStreamResponse__Output>
      ScoringService: SubtypeConstructor<typeof grpc.Client, _weir_v1_ScoringServiceClient> & { service: _weir_v1_ScoringServiceDefinition }
      Source: EnumTypeDefinition
      State: EnumTypeDefinition
      Suod: MessageTypeDefinition<_weir_v1_Suod, _weir_v1_Suod__Output>
      Swap: MessageTypeDefinition<_weir_v1_Swap, _weir_v1_Swap__Output>
      TimePolicy: EnumTypeDefinition
      Timeliness: EnumTypeDefinition
      TrainingStatus: MessageTypeDefinition<_weir_v1_TrainingStatus, _weir_v1_TrainingStatus__Output>
      Trigger: MessageTypeDefinition<_weir_v1_Trigger, _weir_v1_Trigger__Output>
      Verdict: MessageTypeDefinition<_weir_v1_Verdict, _weir_v1_Verdict__Output>
      Violation: MessageTypeDefinition<_weir_v1_Violation, _weir_v1_Violation__Output>
      WatchAlertsRequest: MessageTypeDefinition<_weir_v1_WatchAlertsRequest, _weir_v1_WatchAlertsRequest__Output>
      WatchAlertsResponse: MessageTypeDefinition<_weir_v1_WatchAlertsResponse, _weir_v1_WatchAlertsResponse__Output>
      Window: MessageTypeDefinition<_weir_v1_Window, _weir_v1_Window__Output>
    }
  }
}

