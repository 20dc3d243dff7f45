// Original file: proto/weir/v1/detectors.proto


export interface Autoencoder {
  'hiddenActivationName'?: (string);
  'batchNorm'?: (boolean);
  'dropoutRate'?: (number | string);
  'lr'?: (number | string);
  'epochNum'?: (number);
  'batchSize'?: (number);
  'weightDecay'?: (number | string);
  'preprocessing'?: (boolean);
  'hiddenNeuronList'?: (number)[];
  '_batchNorm'?: "batchNorm";
  '_dropoutRate'?: "dropoutRate";
  '_lr'?: "lr";
  '_weightDecay'?: "weightDecay";
  '_preprocessing'?: "preprocessing";
}

export interface Autoencoder__Output {
  'hiddenActivationName'?: (string);
  'batchNorm'?: (boolean);
  'dropoutRate'?: (number);
  'lr'?: (number);
  'epochNum'?: (number);
  'batchSize'?: (number);
  'weightDecay'?: (number);
  'preprocessing'?: (boolean);
  'hiddenNeuronList'?: (number)[];
}
