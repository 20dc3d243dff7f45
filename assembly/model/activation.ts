/* Activations of a network's hidden layers, float32, in place; lengths in bytes are multiples of 16. */
import { exponentials } from "./exponential";

export const ACTIVATION_RELU: u32 = 0;
export const ACTIVATION_TANH: u32 = 1;
export const ACTIVATION_SIGMOID: u32 = 2;

/** 1 / (1 + e^(factor x)) of the lower two lanes, in float64. */
function logistic(x: v128, factor: f64): v128 {
  const power = exponentials(f64x2.mul(f64x2.promote_low_f32x4(x), f64x2.splat(factor)));
  return f64x2.div(f64x2.splat(1), f64x2.add(f64x2.splat(1), power));
}

export function activate(values: u32, bytes: u32, activation: u32): void {
  if (activation == ACTIVATION_RELU) {
    for (let at: u32 = 0; at < bytes; at += 16) {
      v128.store(values + at, f32x4.max(v128.load(values + at), f32x4.splat(0)));
    }
    return;
  }
  for (let at: u32 = 0; at < bytes; at += 8) {
    const x = v128.load64_zero(values + at);
    // tanh x = 2 / (1 + e^-2x) - 1
    const result =
      activation == ACTIVATION_TANH
        ? f64x2.sub(f64x2.mul(logistic(x, -2), f64x2.splat(2)), f64x2.splat(1))
        : logistic(x, -1);
    v128.store64_lane(values + at, f32x4.demote_f64x2_zero(result), 0);
  }
}

/** slopes *= the activation's derivative where it gave `active`. */
export function activationSlope(active: u32, slopes: u32, bytes: u32, activation: u32): void {
  for (let at: u32 = 0; at < bytes; at += 16) {
    const slope = v128.load(slopes + at);
    const a = v128.load(active + at);
    let result: v128;
    if (activation == ACTIVATION_RELU) {
      result = v128.and(slope, f32x4.gt(a, f32x4.splat(0)));
    } else if (activation == ACTIVATION_TANH) {
      result = f32x4.mul(slope, f32x4.sub(f32x4.splat(1), f32x4.mul(a, a)));
    } else {
      result = f32x4.mul(slope, f32x4.mul(a, f32x4.sub(f32x4.splat(1), a)));
    }
    v128.store(slopes + at, result);
  }
}
