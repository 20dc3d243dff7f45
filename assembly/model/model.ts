/*
 * A trained model: one block of bytes that means the same wherever it lies (in a shard, in a file, in a trainer), since every
 * place in it is an offset from its own start.
 *
 *   ┌ header 256 B │ preparation: 3 x columns f64 │ calibration: knots f64 │ body of the kind ┐
 *
 * All parts begin at multiples of 16 and hold f64, f32 or u32 in little-endian. Preparation is column by column: the fill of a
 * missing value, the offset and the scale: prepared = (value - offset) / scale.
 */
import { FEATURES_MAX } from "../layout";

export const MODEL_MAGIC: u32 = 0x4d524557; // "WERM"
export const MODEL_FORMAT: u32 = 1;

/** Columns that a model sees: inputs and what is derived from them. */
export const MODEL_COLUMNS_MAX: u32 = 4 * FEATURES_MAX;

@unmanaged
export class Model {
  magic: u32; // 0
  format: u32;
  bytes: u32; // 8, of the whole block, a multiple of 16
  kind: u32;
  columns: u32; // 16
  knots: u32; // f64s of the calibration
  body: u32; // 24, offset of the body
  bodyBytes: u32;
  rows: f64; // 32, trained on
  contamination: f64;
  /** Of the training rows' own scores (PyOD's decision_scores_): the contamination quantile. */
  rawThreshold: f64; // 48
  /** Of the training rows scored as new rows: mean and population standard deviation (0 -> 1). */
  mean: f64; // 56
  deviation: f64; // 64
  /** Of the same: linear 25th, 50th and 75th percentiles. */
  quarter: f64; // 72
  median: f64;
  threeQuarters: f64; // 88
  /** Of the tail beyond the last knot: see calibration.ts. */
  tailShare: f64; // 96
  tailShape: f64;
  tailScale: f64; // 112
  seedLo: u32; // 120
  seedHi: u32;
  scaler: u32; // 128
  /** Rows of the body's own, where it trained on a sample; else = rows. */
  sampled: u32;
  /** Hash (FNV-1a 64) of everything else with this field as 0: set when the training is complete, checked when a file is read. */
  checksum: u64; // 136
  /** Of the same scores as `mean`: the two that the contamination quantile lies between, and how far it is from the lower one, 0..1. */
  lowerThreshold: f64; // 144
  upperThreshold: f64;
  thresholdPart: f64; // 160
}

export const MODEL_HEADER: u32 = 256;

export function modelAt(address: u32): Model {
  return changetype<Model>(address);
}

export function fillsOf(model: Model): u32 {
  return changetype<u32>(model) + MODEL_HEADER;
}

export function offsetsOf(model: Model): u32 {
  return fillsOf(model) + (model.columns << 3);
}

export function scalesOf(model: Model): u32 {
  return fillsOf(model) + (model.columns << 4);
}

/** Where the calibration's knots are. */
export function knotsOf(model: Model): u32 {
  return changetype<u32>(model) + align16(MODEL_HEADER + model.columns * 24);
}

export function bodyOf(model: Model): u32 {
  return changetype<u32>(model) + model.body;
}

export function align16(bytes: u32): u32 {
  return (bytes + 15) & ~15;
}

/** Fills what is missing (NaN), and scales: `columns` float64s from `row` into `out` (which may be `row`). */
export function prepareRow(model: Model, row: u32, out: u32): void {
  const bytes = model.columns << 3;
  const fills = fillsOf(model);
  const offsets = offsetsOf(model);
  const scales = scalesOf(model);
  let at: u32 = 0;
  for (; at + 16 <= bytes; at += 16) {
    const given = v128.load(row + at);
    const value = v128.bitselect(given, v128.load(fills + at), f64x2.eq(given, given));
    const shifted = f64x2.sub(value, v128.load(offsets + at));
    v128.store(out + at, f64x2.div(shifted, v128.load(scales + at)));
  }
  if (at < bytes) {
    let value = load<f64>(row + at);
    if (value != value) value = load<f64>(fills + at);
    store<f64>(out + at, (value - load<f64>(offsets + at)) / load<f64>(scales + at));
  }
}
