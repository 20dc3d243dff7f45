import { Model } from "./model";
import { Training } from "./training";

export function trainCblof(training: Training): void {}

export function scoreCblof(model: Model, row: u32): f64 {
  return NaN;
}

export function explainCblof(model: Model, row: u32, out: u32): f64 {
  return NaN;
}

export function checkCblof(model: Model): bool {
  return false;
}
