import { Model } from "./model";
import { Training } from "./training";

export function trainLoda(training: Training): void {}

export function scoreLoda(model: Model, row: u32): f64 {
  return NaN;
}

export function explainLoda(model: Model, row: u32, out: u32): f64 {
  return NaN;
}

export function checkLoda(model: Model): bool {
  return false;
}
