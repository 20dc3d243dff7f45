// Original file: proto/weir/v1/detectors.proto

import type { Limits as _weir_v1_Limits, Limits__Output as _weir_v1_Limits__Output } from '../../weir/v1/Limits.ts';
import type { Long } from '@grpc/proto-loader';

export interface HalfSpaceTrees {
  'trees'?: (number);
  'height'?: (number);
  'window'?: (number);
  'seed'?: (number | string | Long);
  'limits'?: ({[key: string]: _weir_v1_Limits});
  '_seed'?: "seed";
}

export interface HalfSpaceTrees__Output {
  'trees'?: (number);
  'height'?: (number);
  'window'?: (number);
  'seed'?: (string);
  'limits'?: ({[key: string]: _weir_v1_Limits__Output});
}
