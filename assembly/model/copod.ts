import { Model } from "./model";
import { Training } from "./training";

export function trainCopod(training: Training): void {}

export function scoreCopod(model: Model, row: u32): f64 {
  return NaN;
}

export function explainCopod(model: Model, row: u32, out: u32): f64 {
  return NaN;
}

export function checkCopod(model: Model): bool {
  return false;
}
