import { Model } from "./model";
import { Training } from "./training";

export function trainEcod(training: Training): void {}

export function scoreEcod(model: Model, row: u32): f64 {
  return NaN;
}

export function explainEcod(model: Model, row: u32, out: u32): f64 {
  return NaN;
}

export function checkEcod(model: Model): bool {
  return false;
}
