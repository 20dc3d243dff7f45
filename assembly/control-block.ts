/* Numbers on their way in: a detector's configuration in CONTROL, float64s by index. Nothing of it is trusted. */
import { CONTROL_BASE } from "./layout";

/** The largest whole number up to which all are exact. */
export const WHOLE_MAX: f64 = 9007199254740991;

export function control(index: u32): f64 {
  return load<f64>(CONTROL_BASE + (index << 3));
}

/** A whole number within bounds; NaN and fractions are not. */
export function isWhole(value: f64, least: f64, most: f64): bool {
  return value >= least && value <= most && Math.floor(value) == value;
}
