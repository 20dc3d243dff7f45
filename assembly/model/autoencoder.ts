import { Model } from "./model";
import { Training } from "./training";

export function trainAutoencoder(training: Training): void {}

export function scoreAutoencoder(model: Model, row: u32): f64 {
  return NaN;
}

export function explainAutoencoder(model: Model, row: u32, out: u32): f64 {
  return NaN;
}

export function checkAutoencoder(model: Model): bool {
  return false;
}
