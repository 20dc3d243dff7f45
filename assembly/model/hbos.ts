import { Model } from "./model";
import { Training } from "./training";

export function trainHbos(training: Training): void {}

export function scoreHbos(model: Model, row: u32): f64 {
  return NaN;
}

export function explainHbos(model: Model, row: u32, out: u32): f64 {
  return NaN;
}

export function checkHbos(model: Model): bool {
  return false;
}
