import { Model } from "./model";
import { Training } from "./training";

export function trainSuod(training: Training): void {}

export function scoreSuod(model: Model, row: u32): f64 {
  return NaN;
}

export function explainSuod(model: Model, row: u32, out: u32): f64 {
  return NaN;
}

export function checkSuod(model: Model): bool {
  return false;
}
