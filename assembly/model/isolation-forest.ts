import { Model } from "./model";
import { Training } from "./training";

export function trainIsolationForest(training: Training): void {}

export function scoreIsolationForest(model: Model, row: u32): f64 {
  return NaN;
}

export function explainIsolationForest(model: Model, row: u32, out: u32): f64 {
  return NaN;
}

export function checkIsolationForest(model: Model): bool {
  return false;
}
