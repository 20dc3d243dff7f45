// Original file: proto/weir/v1/scoring.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ScoreRequest as _weir_v1_ScoreRequest, ScoreRequest__Output as _weir_v1_ScoreRequest__Output } from '../../weir/v1/ScoreRequest.ts';
import type { ScoreResponse as _weir_v1_ScoreResponse, ScoreResponse__Output as _weir_v1_ScoreResponse__Output } from '../../weir/v1/ScoreResponse.ts';
import type { ScoreStreamRequest as _weir_v1_ScoreStreamRequest, ScoreStreamRequest__Output as _weir_v1_ScoreStreamRequest__Output } from '../../weir/v1/ScoreStreamRequest.ts';
import type { ScoreStreamResponse as _weir_v1_ScoreStreamResponse, ScoreStreamResponse__Output as _weir_v1_ScoreStreamResponse__Output } from '../../weir/v1/ScoreStreamResponse.ts';
import type { WatchAlertsRequest as _weir_v1_WatchAlertsRequest, WatchAlertsRequest__Output as _weir_v1_WatchAlertsRequest__Output } from '../../weir/v1/WatchAlertsRequest.ts';
import type { WatchAlertsResponse as _weir_v1_WatchAlertsResponse, WatchAlertsResponse__Output as _weir_v1_WatchAlertsResponse__Output } from '../../weir/v1/WatchAlertsResponse.ts';

export interface ScoringServiceClient extends grpc.Client {
  Score(argument: _weir_v1_ScoreRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ScoreResponse__Output>): grpc.ClientUnaryCall;
  Score(argument: _weir_v1_ScoreRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ScoreResponse__Output>): grpc.ClientUnaryCall;
  Score(argument: _weir_v1_ScoreRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ScoreResponse__Output>): grpc.ClientUnaryCall;
  Score(argument: _weir_v1_ScoreRequest, callback: grpc.requestCallback<_weir_v1_ScoreResponse__Output>): grpc.ClientUnaryCall;
  score(argument: _weir_v1_ScoreRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ScoreResponse__Output>): grpc.ClientUnaryCall;
  score(argument: _weir_v1_ScoreRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ScoreResponse__Output>): grpc.ClientUnaryCall;
  score(argument: _weir_v1_ScoreRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ScoreResponse__Output>): grpc.ClientUnaryCall;
  score(argument: _weir_v1_ScoreRequest, callback: grpc.requestCallback<_weir_v1_ScoreResponse__Output>): grpc.ClientUnaryCall;
  
  ScoreStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_weir_v1_ScoreStreamRequest, _weir_v1_ScoreStreamResponse__Output>;
  ScoreStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_weir_v1_ScoreStreamRequest, _weir_v1_ScoreStreamResponse__Output>;
  scoreStream(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_weir_v1_ScoreStreamRequest, _weir_v1_ScoreStreamResponse__Output>;
  scoreStream(options?: grpc.CallOptions): grpc.ClientDuplexStream<_weir_v1_ScoreStreamRequest, _weir_v1_ScoreStreamResponse__Output>;
  
  WatchAlerts(argument: _weir_v1_WatchAlertsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_weir_v1_WatchAlertsResponse__Output>;
  WatchAlerts(argument: _weir_v1_WatchAlertsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_weir_v1_WatchAlertsResponse__Output>;
  watchAlerts(argument: _weir_v1_WatchAlertsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_weir_v1_WatchAlertsResponse__Output>;
  watchAlerts(argument: _weir_v1_WatchAlertsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_weir_v1_WatchAlertsResponse__Output>;
  
}

export interface ScoringServiceHandlers extends grpc.UntypedServiceImplementation {
  Score: grpc.handleUnaryCall<_weir_v1_ScoreRequest__Output, _weir_v1_ScoreResponse>;
  
  ScoreStream: grpc.handleBidiStreamingCall<_weir_v1_ScoreStreamRequest__Output, _weir_v1_ScoreStreamResponse>;
  
  WatchAlerts: grpc.handleServerStreamingCall<_weir_v1_WatchAlertsRequest__Output, _weir_v1_WatchAlertsResponse>;
  
}

export interface ScoringServiceDefinition extends grpc.ServiceDefinition {
  Score: MethodDefinition<_weir_v1_ScoreRequest, _weir_v1_ScoreResponse, _weir_v1_ScoreRequest__Output, _weir_v1_ScoreResponse__Output>
  ScoreStream: MethodDefinition<_weir_v1_ScoreStreamRequest, _weir_v1_ScoreStreamResponse, _weir_v1_ScoreStreamRequest__Output, _weir_v1_ScoreStreamResponse__Output>
  WatchAlerts: MethodDefinition<_weir_v1_WatchAlertsRequest, _weir_v1_WatchAlertsResponse, _weir_v1_WatchAlertsRequest__Output, _weir_v1_WatchAlertsResponse__Output>
}
