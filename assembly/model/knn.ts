import { Model } from "./model";
import { Training } from "./training";

export function trainKnn(training: Training): void {}

export function scoreKnn(model: Model, row: u32): f64 {
  return NaN;
}

export function explainKnn(model: Model, row: u32, out: u32): f64 {
  return NaN;
}

export function checkKnn(model: Model): bool {
  return false;
}
