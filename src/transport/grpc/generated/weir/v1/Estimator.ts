// Original file: proto/weir/v1/detectors.proto

import type { IsolationForest as _weir_v1_IsolationForest, IsolationForest__Output as _weir_v1_IsolationForest__Output } from '../../weir/v1/IsolationForest.ts';
import type { OneClassSvm as _weir_v1_OneClassSvm, OneClassSvm__Output as _weir_v1_OneClassSvm__Output } from '../../weir/v1/OneClassSvm.ts';
import type { LocalOutlierFactor as _weir_v1_LocalOutlierFactor, LocalOutlierFactor__Output as _weir_v1_LocalOutlierFactor__Output } from '../../weir/v1/LocalOutlierFactor.ts';
import type { Autoencoder as _weir_v1_Autoencoder, Autoencoder__Output as _weir_v1_Autoencoder__Output } from '../../weir/v1/Autoencoder.ts';
import type { Ecod as _weir_v1_Ecod, Ecod__Output as _weir_v1_Ecod__Output } from '../../weir/v1/Ecod.ts';
import type { Hbos as _weir_v1_Hbos, Hbos__Output as _weir_v1_Hbos__Output } from '../../weir/v1/Hbos.ts';
import type { Copod as _weir_v1_Copod, Copod__Output as _weir_v1_Copod__Output } from '../../weir/v1/Copod.ts';
import type { Knn as _weir_v1_Knn, Knn__Output as _weir_v1_Knn__Output } from '../../weir/v1/Knn.ts';
import type { Mcd as _weir_v1_Mcd, Mcd__Output as _weir_v1_Mcd__Output } from '../../weir/v1/Mcd.ts';
import type { Cblof as _weir_v1_Cblof, Cblof__Output as _weir_v1_Cblof__Output } from '../../weir/v1/Cblof.ts';
import type { Loda as _weir_v1_Loda, Loda__Output as _weir_v1_Loda__Output } from '../../weir/v1/Loda.ts';

export interface Estimator {
  'isolationForest'?: (_weir_v1_IsolationForest | null);
  'oneClassSvm'?: (_weir_v1_OneClassSvm | null);
  'localOutlierFactor'?: (_weir_v1_LocalOutlierFactor | null);
  'autoencoder'?: (_weir_v1_Autoencoder | null);
  'ecod'?: (_weir_v1_Ecod | null);
  'hbos'?: (_weir_v1_Hbos | null);
  'copod'?: (_weir_v1_Copod | null);
  'knn'?: (_weir_v1_Knn | null);
  'mcd'?: (_weir_v1_Mcd | null);
  'cblof'?: (_weir_v1_Cblof | null);
  'loda'?: (_weir_v1_Loda | null);
  'model'?: "isolationForest"|"oneClassSvm"|"localOutlierFactor"|"autoencoder"|"ecod"|"hbos"|"copod"|"knn"|"mcd"|"cblof"|"loda";
}

export interface Estimator__Output {
  'isolationForest'?: (_weir_v1_IsolationForest__Output);
  'oneClassSvm'?: (_weir_v1_OneClassSvm__Output);
  'localOutlierFactor'?: (_weir_v1_LocalOutlierFactor__Output);
  'autoencoder'?: (_weir_v1_Autoencoder__Output);
  'ecod'?: (_weir_v1_Ecod__Output);
  'hbos'?: (_weir_v1_Hbos__Output);
  'copod'?: (_weir_v1_Copod__Output);
  'knn'?: (_weir_v1_Knn__Output);
  'mcd'?: (_weir_v1_Mcd__Output);
  'cblof'?: (_weir_v1_Cblof__Output);
  'loda'?: (_weir_v1_Loda__Output);
}
