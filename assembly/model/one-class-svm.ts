import { Model } from "./model";
import { Training } from "./training";

export function trainOneClassSvm(training: Training): void {}

export function scoreOneClassSvm(model: Model, row: u32): f64 {
  return NaN;
}

export function explainOneClassSvm(model: Model, row: u32, out: u32): f64 {
  return NaN;
}

export function checkOneClassSvm(model: Model): bool {
  return false;
}
