import { Model } from "./model";
import { Training } from "./training";

export function trainLocalOutlierFactor(training: Training): void {}

export function scoreLocalOutlierFactor(model: Model, row: u32): f64 {
  return NaN;
}

export function explainLocalOutlierFactor(model: Model, row: u32, out: u32): f64 {
  return NaN;
}

export function checkLocalOutlierFactor(model: Model): bool {
  return false;
}
