/* The kinds of models that train on a window: one file each, and here the way to them. */
import {
  checkIsolationForest,
  explainIsolationForest,
  scoreIsolationForest,
  trainIsolationForest,
} from "./isolation-forest";
import {
  checkOneClassSvm,
  explainOneClassSvm,
  scoreOneClassSvm,
  trainOneClassSvm,
} from "./one-class-svm";
import {
  checkLocalOutlierFactor,
  explainLocalOutlierFactor,
  scoreLocalOutlierFactor,
  trainLocalOutlierFactor,
} from "./local-outlier-factor";
import {
  checkAutoencoder,
  explainAutoencoder,
  scoreAutoencoder,
  trainAutoencoder,
} from "./autoencoder";
import { checkEcod, explainEcod, scoreEcod, trainEcod } from "./ecod";
import { checkHbos, explainHbos, scoreHbos, trainHbos } from "./hbos";
import { checkCopod, explainCopod, scoreCopod, trainCopod } from "./copod";
import { checkKnn, explainKnn, scoreKnn, trainKnn } from "./knn";
import { checkMcd, explainMcd, scoreMcd, trainMcd } from "./mcd";
import { checkCblof, explainCblof, scoreCblof, trainCblof } from "./cblof";
import { checkSuod, explainSuod, scoreSuod, trainSuod } from "./suod";
import { checkLoda, explainLoda, scoreLoda, trainLoda } from "./loda";
import { Model } from "./model";
import { Training } from "./training";
import { fail, FAILED_BAD_TRAINING } from "./work";

export const KIND_ISOLATION_FOREST: u32 = 2;
export const KIND_ONE_CLASS_SVM: u32 = 3;
export const KIND_LOCAL_OUTLIER_FACTOR: u32 = 4;
export const KIND_AUTOENCODER: u32 = 5;
export const KIND_ECOD: u32 = 6;
export const KIND_HBOS: u32 = 7;
export const KIND_COPOD: u32 = 8;
export const KIND_KNN: u32 = 9;
export const KIND_MCD: u32 = 10;
export const KIND_CBLOF: u32 = 11;
export const KIND_SUOD: u32 = 12;
export const KIND_LODA: u32 = 13;
export const KIND_FIRST: u32 = 2;
export const KIND_LAST: u32 = 13;

/** Makes the model (beginModel), fills its body and the training's scores. */
export function trainKind(training: Training): void {
  switch (training.kind) {
    case KIND_ISOLATION_FOREST:
      return trainIsolationForest(training);
    case KIND_ONE_CLASS_SVM:
      return trainOneClassSvm(training);
    case KIND_LOCAL_OUTLIER_FACTOR:
      return trainLocalOutlierFactor(training);
    case KIND_AUTOENCODER:
      return trainAutoencoder(training);
    case KIND_ECOD:
      return trainEcod(training);
    case KIND_HBOS:
      return trainHbos(training);
    case KIND_COPOD:
      return trainCopod(training);
    case KIND_KNN:
      return trainKnn(training);
    case KIND_MCD:
      return trainMcd(training);
    case KIND_CBLOF:
      return trainCblof(training);
    case KIND_SUOD:
      return trainSuod(training);
    case KIND_LODA:
      return trainLoda(training);
    default:
      fail(FAILED_BAD_TRAINING);
  }
}

/** The raw score of a prepared row; the higher, the more anomalous. */
export function scoreKind(model: Model, row: u32): f64 {
  switch (model.kind) {
    case KIND_ISOLATION_FOREST:
      return scoreIsolationForest(model, row);
    case KIND_ONE_CLASS_SVM:
      return scoreOneClassSvm(model, row);
    case KIND_LOCAL_OUTLIER_FACTOR:
      return scoreLocalOutlierFactor(model, row);
    case KIND_AUTOENCODER:
      return scoreAutoencoder(model, row);
    case KIND_ECOD:
      return scoreEcod(model, row);
    case KIND_HBOS:
      return scoreHbos(model, row);
    case KIND_COPOD:
      return scoreCopod(model, row);
    case KIND_KNN:
      return scoreKnn(model, row);
    case KIND_MCD:
      return scoreMcd(model, row);
    case KIND_CBLOF:
      return scoreCblof(model, row);
    case KIND_SUOD:
      return scoreSuod(model, row);
    case KIND_LODA:
      return scoreLoda(model, row);
    default:
      return NaN;
  }
}

/** What each column of a prepared row did to its raw score, f64s into `out`; the baseline, which with them sums up to the score. */
export function explainKind(model: Model, row: u32, out: u32): f64 {
  switch (model.kind) {
    case KIND_ISOLATION_FOREST:
      return explainIsolationForest(model, row, out);
    case KIND_ONE_CLASS_SVM:
      return explainOneClassSvm(model, row, out);
    case KIND_LOCAL_OUTLIER_FACTOR:
      return explainLocalOutlierFactor(model, row, out);
    case KIND_AUTOENCODER:
      return explainAutoencoder(model, row, out);
    case KIND_ECOD:
      return explainEcod(model, row, out);
    case KIND_HBOS:
      return explainHbos(model, row, out);
    case KIND_COPOD:
      return explainCopod(model, row, out);
    case KIND_KNN:
      return explainKnn(model, row, out);
    case KIND_MCD:
      return explainMcd(model, row, out);
    case KIND_CBLOF:
      return explainCblof(model, row, out);
    case KIND_SUOD:
      return explainSuod(model, row, out);
    case KIND_LODA:
      return explainLoda(model, row, out);
    default:
      return NaN;
  }
}

/** Whether the body's numbers keep scoring within the model's bytes: everything that is used as a count, offset or index. */
export function checkKind(model: Model): bool {
  switch (model.kind) {
    case KIND_ISOLATION_FOREST:
      return checkIsolationForest(model);
    case KIND_ONE_CLASS_SVM:
      return checkOneClassSvm(model);
    case KIND_LOCAL_OUTLIER_FACTOR:
      return checkLocalOutlierFactor(model);
    case KIND_AUTOENCODER:
      return checkAutoencoder(model);
    case KIND_ECOD:
      return checkEcod(model);
    case KIND_HBOS:
      return checkHbos(model);
    case KIND_COPOD:
      return checkCopod(model);
    case KIND_KNN:
      return checkKnn(model);
    case KIND_MCD:
      return checkMcd(model);
    case KIND_CBLOF:
      return checkCblof(model);
    case KIND_SUOD:
      return checkSuod(model);
    case KIND_LODA:
      return checkLoda(model);
    default:
      return false;
  }
}
