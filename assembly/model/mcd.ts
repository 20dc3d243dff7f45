import { Model } from "./model";
import { Training } from "./training";

export function trainMcd(training: Training): void {}

export function scoreMcd(model: Model, row: u32): f64 {
  return NaN;
}

export function explainMcd(model: Model, row: u32, out: u32): f64 {
  return NaN;
}

export function checkMcd(model: Model): bool {
  return false;
}
