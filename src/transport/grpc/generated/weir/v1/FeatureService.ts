// Original file: proto/weir/v1/features.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetFeaturesRequest as _weir_v1_GetFeaturesRequest, GetFeaturesRequest__Output as _weir_v1_GetFeaturesRequest__Output } from '../../weir/v1/GetFeaturesRequest.ts';
import type { GetFeaturesResponse as _weir_v1_GetFeaturesResponse, GetFeaturesResponse__Output as _weir_v1_GetFeaturesResponse__Output } from '../../weir/v1/GetFeaturesResponse.ts';
import type { StreamFeaturesRequest as _weir_v1_StreamFeaturesRequest, StreamFeaturesRequest__Output as _weir_v1_StreamFeaturesRequest__Output } from '../../weir/v1/StreamFeaturesRequest.ts';
import type { StreamFeaturesResponse as _weir_v1_StreamFeaturesResponse, StreamFeaturesResponse__Output as _weir_v1_StreamFeaturesResponse__Output } from '../../weir/v1/StreamFeaturesResponse.ts';

export interface FeatureServiceClient extends grpc.Client {
  GetFeatures(argument: _weir_v1_GetFeaturesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetFeaturesResponse__Output>): grpc.ClientUnaryCall;
  GetFeatures(argument: _weir_v1_GetFeaturesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_GetFeaturesResponse__Output>): grpc.ClientUnaryCall;
  GetFeatures(argument: _weir_v1_GetFeaturesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetFeaturesResponse__Output>): grpc.ClientUnaryCall;
  GetFeatures(argument: _weir_v1_GetFeaturesRequest, callback: grpc.requestCallback<_weir_v1_GetFeaturesResponse__Output>): grpc.ClientUnaryCall;
  getFeatures(argument: _weir_v1_GetFeaturesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetFeaturesResponse__Output>): grpc.ClientUnaryCall;
  getFeatures(argument: _weir_v1_GetFeaturesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_GetFeaturesResponse__Output>): grpc.ClientUnaryCall;
  getFeatures(argument: _weir_v1_GetFeaturesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetFeaturesResponse__Output>): grpc.ClientUnaryCall;
  getFeatures(argument: _weir_v1_GetFeaturesRequest, callback: grpc.requestCallback<_weir_v1_GetFeaturesResponse__Output>): grpc.ClientUnaryCall;
  
  StreamFeatures(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_weir_v1_StreamFeaturesRequest, _weir_v1_StreamFeaturesResponse__Output>;
  StreamFeatures(options?: grpc.CallOptions): grpc.ClientDuplexStream<_weir_v1_StreamFeaturesRequest, _weir_v1_StreamFeaturesResponse__Output>;
  streamFeatures(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_weir_v1_StreamFeaturesRequest, _weir_v1_StreamFeaturesResponse__Output>;
  streamFeatures(options?: grpc.CallOptions): grpc.ClientDuplexStream<_weir_v1_StreamFeaturesRequest, _weir_v1_StreamFeaturesResponse__Output>;
  
}

export interface FeatureServiceHandlers extends grpc.UntypedServiceImplementation {
  GetFeatures: grpc.handleUnaryCall<_weir_v1_GetFeaturesRequest__Output, _weir_v1_GetFeaturesResponse>;
  
  StreamFeatures: grpc.handleBidiStreamingCall<_weir_v1_StreamFeaturesRequest__Output, _weir_v1_StreamFeaturesResponse>;
  
}

export interface FeatureServiceDefinition extends grpc.ServiceDefinition {
  GetFeatures: MethodDefinition<_weir_v1_GetFeaturesRequest, _weir_v1_GetFeaturesResponse, _weir_v1_GetFeaturesRequest__Output, _weir_v1_GetFeaturesResponse__Output>
  StreamFeatures: MethodDefinition<_weir_v1_StreamFeaturesRequest, _weir_v1_StreamFeaturesResponse, _weir_v1_StreamFeaturesRequest__Output, _weir_v1_StreamFeaturesResponse__Output>
}
