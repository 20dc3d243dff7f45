import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Error as _weir_v1_Error, Error__Output as _weir_v1_Error__Output } from './weir/v1/Error.ts';
import type { Event as _weir_v1_Event, Event__Output as _weir_v1_Event__Output } from './weir/v1/Event.ts';
import type { FeatureServiceClient as _weir_v1_FeatureServiceClient, FeatureServiceDefinition as _weir_v1_FeatureServiceDefinition } from './weir/v1/FeatureService.ts';
import type { Frame as _weir_v1_Frame, Frame__Output as _weir_v1_Frame__Output } from './weir/v1/Frame.ts';
import type { FrameVerdicts as _weir_v1_FrameVerdicts, FrameVerdicts__Output as _weir_v1_FrameVerdicts__Output } from './weir/v1/FrameVerdicts.ts';
import type { GetFeaturesRequest as _weir_v1_GetFeaturesRequest, GetFeaturesRequest__Output as _weir_v1_GetFeaturesRequest__Output } from './weir/v1/GetFeaturesRequest.ts';
import type { GetFeaturesResponse as _weir_v1_GetFeaturesResponse, GetFeaturesResponse__Output as _weir_v1_GetFeaturesResponse__Output } from './weir/v1/GetFeaturesResponse.ts';
import type { KeyFeatures as _weir_v1_KeyFeatures, KeyFeatures__Output as _weir_v1_KeyFeatures__Output } from './weir/v1/KeyFeatures.ts';
import type { Reason as _weir_v1_Reason, Reason__Output as _weir_v1_Reason__Output } from './weir/v1/Reason.ts';
import type { ScoreRequest as _weir_v1_ScoreRequest, ScoreRequest__Output as _weir_v1_ScoreRequest__Output } from './weir/v1/ScoreRequest.ts';
import type { ScoreResponse as _weir_v1_ScoreResponse, ScoreResponse__Output as _weir_v1_ScoreResponse__Output } from './weir/v1/ScoreResponse.ts';
import type { ScoreStreamRequest as _weir_v1_ScoreStreamRequest, ScoreStreamRequest__Output as _weir_v1_ScoreStreamRequest__Output } from './weir/v1/ScoreStreamRequest.ts';
import type { ScoreStreamResponse as _weir_v1_ScoreStreamResponse, ScoreStreamResponse__Output as _weir_v1_ScoreStreamResponse__Output } from './weir/v1/ScoreStreamResponse.ts';
import type { ScoringServiceClient as _weir_v1_ScoringServiceClient, ScoringServiceDefinition as _weir_v1_ScoringServiceDefinition } from './weir/v1/ScoringService.ts';
import type { StreamFeaturesRequest as _weir_v1_StreamFeaturesRequest, StreamFeaturesRequest__Output as _weir_v1_StreamFeaturesRequest__Output } from './weir/v1/StreamFeaturesRequest.ts';
import type { StreamFeaturesResponse as _weir_v1_StreamFeaturesResponse, StreamFeaturesResponse__Output as _weir_v1_StreamFeaturesResponse__Output } from './weir/v1/StreamFeaturesResponse.ts';
import type { Verdict as _weir_v1_Verdict, Verdict__Output as _weir_v1_Verdict__Output } from './weir/v1/Verdict.ts';
import type { Violation as _weir_v1_Violation, Violation__Output as _weir_v1_Violation__Output } from './weir/v1/Violation.ts';
import type { WatchAlertsRequest as _weir_v1_WatchAlertsRequest, WatchAlertsRequest__Output as _weir_v1_WatchAlertsRequest__Output } from './weir/v1/WatchAlertsRequest.ts';
import type { WatchAlertsResponse as _weir_v1_WatchAlertsResponse, WatchAlertsResponse__Output as _weir_v1_WatchAlertsResponse__Output } from './weir/v1/WatchAlertsResponse.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  weir: {
    v1: {
      Error: MessageTypeDefinition<_weir_v1_Error, _weir_v1_Error__Output>
      Event: MessageTypeDefinition<_weir_v1_Event, _weir_v1_Event__Output>
      FeatureService: SubtypeConstructor<typeof grpc.Client, _weir_v1_FeatureServiceClient> & { service: _weir_v1_FeatureServiceDefinition }
      Frame: MessageTypeDefinition<_weir_v1_Frame, _weir_v1_Frame__Output>
      FrameVerdicts: MessageTypeDefinition<_weir_v1_FrameVerdicts, _weir_v1_FrameVerdicts__Output>
      GetFeaturesRequest: MessageTypeDefinition<_weir_v1_GetFeaturesRequest, _weir_v1_GetFeaturesRequest__Output>
      GetFeaturesResponse: MessageTypeDefinition<_weir_v1_GetFeaturesResponse, _weir_v1_GetFeaturesResponse__Output>
      KeyFeatures: MessageTypeDefinition<_weir_v1_KeyFeatures, _weir_v1_KeyFeatures__Output>
      Mode: EnumTypeDefinition
      Reason: MessageTypeDefinition<_weir_v1_Reason, _weir_v1_Reason__Output>
      ScoreRequest: MessageTypeDefinition<_weir_v1_ScoreRequest, _weir_v1_ScoreRequest__Output>
      ScoreResponse: MessageTypeDefinition<_weir_v1_ScoreResponse, _weir_v1_ScoreResponse__Output>
      ScoreStreamRequest: MessageTypeDefinition<_weir_v1_ScoreStreamRequest, _weir_v1_ScoreStreamRequest__Output>
      ScoreStreamResponse: MessageTypeDefinition<_weir_v1_ScoreStreamResponse, _weir_v1_ScoreStreamResponse__Output>
      ScoringService: SubtypeConstructor<typeof grpc.Client, _weir_v1_ScoringServiceClient> & { service: _weir_v1_ScoringServiceDefinition }
      Source: EnumTypeDefinition
      State: EnumTypeDefinition
      StreamFeaturesRequest: MessageTypeDefinition<_weir_v1_StreamFeaturesRequest, _weir_v1_StreamFeaturesRequest__Output>
      StreamFeaturesResponse: MessageTypeDefinition<_weir_v1_StreamFeaturesResponse, _weir_v1_StreamFeaturesResponse__Output>
      Timeliness: EnumTypeDefinition
      Verdict: MessageTypeDefinition<_weir_v1_Verdict, _weir_v1_Verdict__Output>
      Violation: MessageTypeDefinition<_weir_v1_Violation, _weir_v1_Violation__Output>
      WatchAlertsRequest: MessageTypeDefinition<_weir_v1_WatchAlertsRequest, _weir_v1_WatchAlertsRequest__Output>
      WatchAlertsResponse: MessageTypeDefinition<_weir_v1_WatchAlertsResponse, _weir_v1_WatchAlertsResponse__Output>
    }
  }
}

