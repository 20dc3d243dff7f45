// Original file: proto/weir/v1/detectors.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CreateDetectorRequest as _weir_v1_CreateDetectorRequest, CreateDetectorRequest__Output as _weir_v1_CreateDetectorRequest__Output } from '../../weir/v1/CreateDetectorRequest.ts';
import type { CreateDetectorResponse as _weir_v1_CreateDetectorResponse, CreateDetectorResponse__Output as _weir_v1_CreateDetectorResponse__Output } from '../../weir/v1/CreateDetectorResponse.ts';
import type { DeleteDetectorRequest as _weir_v1_DeleteDetectorRequest, DeleteDetectorRequest__Output as _weir_v1_DeleteDetectorRequest__Output } from '../../weir/v1/DeleteDetectorRequest.ts';
import type { DeleteDetectorResponse as _weir_v1_DeleteDetectorResponse, DeleteDetectorResponse__Output as _weir_v1_DeleteDetectorResponse__Output } from '../../weir/v1/DeleteDetectorResponse.ts';
import type { GetDetectorRequest as _weir_v1_GetDetectorRequest, GetDetectorRequest__Output as _weir_v1_GetDetectorRequest__Output } from '../../weir/v1/GetDetectorRequest.ts';
import type { GetDetectorResponse as _weir_v1_GetDetectorResponse, GetDetectorResponse__Output as _weir_v1_GetDetectorResponse__Output } from '../../weir/v1/GetDetectorResponse.ts';
import type { ListDetectorsRequest as _weir_v1_ListDetectorsRequest, ListDetectorsRequest__Output as _weir_v1_ListDetectorsRequest__Output } from '../../weir/v1/ListDetectorsRequest.ts';
import type { ListDetectorsResponse as _weir_v1_ListDetectorsResponse, ListDetectorsResponse__Output as _weir_v1_ListDetectorsResponse__Output } from '../../weir/v1/ListDetectorsResponse.ts';
import type { ResetDetectorRequest as _weir_v1_ResetDetectorRequest, ResetDetectorRequest__Output as _weir_v1_ResetDetectorRequest__Output } from '../../weir/v1/ResetDetectorRequest.ts';
import type { ResetDetectorResponse as _weir_v1_ResetDetectorResponse, ResetDetectorResponse__Output as _weir_v1_ResetDetectorResponse__Output } from '../../weir/v1/ResetDetectorResponse.ts';

export interface DetectorServiceClient extends grpc.Client {
  CreateDetector(argument: _weir_v1_CreateDetectorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_CreateDetectorResponse__Output>): grpc.ClientUnaryCall;
  CreateDetector(argument: _weir_v1_CreateDetectorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_CreateDetectorResponse__Output>): grpc.ClientUnaryCall;
  CreateDetector(argument: _weir_v1_CreateDetectorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_CreateDetectorResponse__Output>): grpc.ClientUnaryCall;
  CreateDetector(argument: _weir_v1_CreateDetectorRequest, callback: grpc.requestCallback<_weir_v1_CreateDetectorResponse__Output>): grpc.ClientUnaryCall;
  createDetector(argument: _weir_v1_CreateDetectorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_CreateDetectorResponse__Output>): grpc.ClientUnaryCall;
  createDetector(argument: _weir_v1_CreateDetectorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_CreateDetectorResponse__Output>): grpc.ClientUnaryCall;
  createDetector(argument: _weir_v1_CreateDetectorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_CreateDetectorResponse__Output>): grpc.ClientUnaryCall;
  createDetector(argument: _weir_v1_CreateDetectorRequest, callback: grpc.requestCallback<_weir_v1_CreateDetectorResponse__Output>): grpc.ClientUnaryCall;
  
  DeleteDetector(argument: _weir_v1_DeleteDetectorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_DeleteDetectorResponse__Output>): grpc.ClientUnaryCall;
  DeleteDetector(argument: _weir_v1_DeleteDetectorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_DeleteDetectorResponse__Output>): grpc.ClientUnaryCall;
  DeleteDetector(argument: _weir_v1_DeleteDetectorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_DeleteDetectorResponse__Output>): grpc.ClientUnaryCall;
  DeleteDetector(argument: _weir_v1_DeleteDetectorRequest, callback: grpc.requestCallback<_weir_v1_DeleteDetectorResponse__Output>): grpc.ClientUnaryCall;
  deleteDetector(argument: _weir_v1_DeleteDetectorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_DeleteDetectorResponse__Output>): grpc.ClientUnaryCall;
  deleteDetector(argument: _weir_v1_DeleteDetectorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_DeleteDetectorResponse__Output>): grpc.ClientUnaryCall;
  deleteDetector(argument: _weir_v1_DeleteDetectorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_DeleteDetectorResponse__Output>): grpc.ClientUnaryCall;
  deleteDetector(argument: _weir_v1_DeleteDetectorRequest, callback: grpc.requestCallback<_weir_v1_DeleteDetectorResponse__Output>): grpc.ClientUnaryCall;
  
  GetDetector(argument: _weir_v1_GetDetectorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetDetectorResponse__Output>): grpc.ClientUnaryCall;
  GetDetector(argument: _weir_v1_GetDetectorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_GetDetectorResponse__Output>): grpc.ClientUnaryCall;
  GetDetector(argument: _weir_v1_GetDetectorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetDetectorResponse__Output>): grpc.ClientUnaryCall;
  GetDetector(argument: _weir_v1_GetDetectorRequest, callback: grpc.requestCallback<_weir_v1_GetDetectorResponse__Output>): grpc.ClientUnaryCall;
  getDetector(argument: _weir_v1_GetDetectorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetDetectorResponse__Output>): grpc.ClientUnaryCall;
  getDetector(argument: _weir_v1_GetDetectorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_GetDetectorResponse__Output>): grpc.ClientUnaryCall;
  getDetector(argument: _weir_v1_GetDetectorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_GetDetectorResponse__Output>): grpc.ClientUnaryCall;
  getDetector(argument: _weir_v1_GetDetectorRequest, callback: grpc.requestCallback<_weir_v1_GetDetectorResponse__Output>): grpc.ClientUnaryCall;
  
  ListDetectors(argument: _weir_v1_ListDetectorsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ListDetectorsResponse__Output>): grpc.ClientUnaryCall;
  ListDetectors(argument: _weir_v1_ListDetectorsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ListDetectorsResponse__Output>): grpc.ClientUnaryCall;
  ListDetectors(argument: _weir_v1_ListDetectorsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ListDetectorsResponse__Output>): grpc.ClientUnaryCall;
  ListDetectors(argument: _weir_v1_ListDetectorsRequest, callback: grpc.requestCallback<_weir_v1_ListDetectorsResponse__Output>): grpc.ClientUnaryCall;
  listDetectors(argument: _weir_v1_ListDetectorsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ListDetectorsResponse__Output>): grpc.ClientUnaryCall;
  listDetectors(argument: _weir_v1_ListDetectorsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ListDetectorsResponse__Output>): grpc.ClientUnaryCall;
  listDetectors(argument: _weir_v1_ListDetectorsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ListDetectorsResponse__Output>): grpc.ClientUnaryCall;
  listDetectors(argument: _weir_v1_ListDetectorsRequest, callback: grpc.requestCallback<_weir_v1_ListDetectorsResponse__Output>): grpc.ClientUnaryCall;
  
  ResetDetector(argument: _weir_v1_ResetDetectorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ResetDetectorResponse__Output>): grpc.ClientUnaryCall;
  ResetDetector(argument: _weir_v1_ResetDetectorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ResetDetectorResponse__Output>): grpc.ClientUnaryCall;
  ResetDetector(argument: _weir_v1_ResetDetectorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ResetDetectorResponse__Output>): grpc.ClientUnaryCall;
  ResetDetector(argument: _weir_v1_ResetDetectorRequest, callback: grpc.requestCallback<_weir_v1_ResetDetectorResponse__Output>): grpc.ClientUnaryCall;
  resetDetector(argument: _weir_v1_ResetDetectorRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ResetDetectorResponse__Output>): grpc.ClientUnaryCall;
  resetDetector(argument: _weir_v1_ResetDetectorRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_weir_v1_ResetDetectorResponse__Output>): grpc.ClientUnaryCall;
  resetDetector(argument: _weir_v1_ResetDetectorRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_weir_v1_ResetDetectorResponse__Output>): grpc.ClientUnaryCall;
  resetDetector(argument: _weir_v1_ResetDetectorRequest, callback: grpc.requestCallback<_weir_v1_ResetDetectorResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface DetectorServiceHandlers extends grpc.UntypedServiceImplementation {
  CreateDetector: grpc.handleUnaryCall<_weir_v1_CreateDetectorRequest__Output, _weir_v1_CreateDetectorResponse>;
  
  DeleteDetector: grpc.handleUnaryCall<_weir_v1_DeleteDetectorRequest__Output, _weir_v1_DeleteDetectorResponse>;
  
  GetDetector: grpc.handleUnaryCall<_weir_v1_GetDetectorRequest__Output, _weir_v1_GetDetectorResponse>;
  
  ListDetectors: grpc.handleUnaryCall<_weir_v1_ListDetectorsRequest__Output, _weir_v1_ListDetectorsResponse>;
  
  ResetDetector: grpc.handleUnaryCall<_weir_v1_ResetDetectorRequest__Output, _weir_v1_ResetDetectorResponse>;
  
}

export interface DetectorServiceDefinition extends grpc.ServiceDefinition {
  CreateDetector: MethodDefinition<_weir_v1_CreateDetectorRequest, _weir_v1_CreateDetectorResponse, _weir_v1_CreateDetectorRequest__Output, _weir_v1_CreateDetectorResponse__Output>
  DeleteDetector: MethodDefinition<_weir_v1_DeleteDetectorRequest, _weir_v1_DeleteDetectorResponse, _weir_v1_DeleteDetectorRequest__Output, _weir_v1_DeleteDetectorResponse__Output>
  GetDetector: MethodDefinition<_weir_v1_GetDetectorRequest, _weir_v1_GetDetectorResponse, _weir_v1_GetDetectorRequest__Output, _weir_v1_GetDetectorResponse__Output>
  ListDetectors: MethodDefinition<_weir_v1_ListDetectorsRequest, _weir_v1_ListDetectorsResponse, _weir_v1_ListDetectorsRequest__Output, _weir_v1_ListDetectorsResponse__Output>
  ResetDetector: MethodDefinition<_weir_v1_ResetDetectorRequest, _weir_v1_ResetDetectorResponse, _weir_v1_ResetDetectorRequest__Output, _weir_v1_ResetDetectorResponse__Output>
}
