/*
 * One training, from rows to a model. The host lays it out (src/models/training.ts):
 *
 *   CONTROL: f64 by index, see T_...; the parameters of the kind follow from T_PARAMETERS on
 *   rows: float64, row-major, rows x columns, NaN = missing, at REGION_BASE (WORK_BASE)
 *
 * and finds the model at the address that `train` returns. The same bytes in, the same bytes out, on every machine.
 */
import { CONTROL_BASE } from "../layout";
import { seedRandom } from "../rng";
import { calibrate, rankAmong } from "./calibration";
import { scoreKind, trainKind } from "./kinds";
import {
  align16,
  fillsOf,
  Model,
  MODEL_COLUMNS_MAX,
  MODEL_FORMAT,
  MODEL_HEADER,
  MODEL_MAGIC,
  modelAt,
  scalesOf,
} from "./model";
import { hashModel } from "./model-check";
import { median, scaleColumns } from "./preparation";
import {
  beginScratch,
  beginWork,
  fail,
  FAILED_BAD_TRAINING,
  FAILED_TOO_FEW_ROWS,
  work,
  WORK_BASE,
} from "./work";

export const T_KIND: u32 = 0;
export const T_ROWS: u32 = 1;
export const T_COLUMNS: u32 = 2;
export const T_SEED_LO: u32 = 3;
export const T_SEED_HI: u32 = 4;
export const T_CONTAMINATION: u32 = 5;
/** SCALER_...: what happens to rows before the kind sees them. */
export const T_SCALER: u32 = 6;
export const T_PARAMETERS: u32 = 16;

/** Numbers that a calibration has room for: two a row, and never more than this. */
export const KNOTS_MAX: u32 = 2048;

/** What a kind trains on. Lies in work memory; SUOD makes one for each of its base kinds. */
@unmanaged
export class Training {
  kind: u32; // 0
  count: u32; // 4, rows
  columns: u32; // 8
  /** Prepared float64s, row-major. */
  rows: u32; // 12
  contamination: f64; // 16
  /** The kind's own parameters, float64s in the order of src/models/kinds.ts. */
  parameters: u32; // 24
  /** Out: the model under way, 0 until `beginModel`. */
  model: u32; // 28
  /** Out, f64 a row: the training rows' own scores (PyOD's decision_scores_). Every kind fills it. */
  scores: u32; // 32
  /** Out, f64 a row: the training rows scored as new rows. The frame fills it by scoring, unless the kind says it has. */
  newScores: u32; // 36
  hasNewScores: u32; // 40
  seedLo: u32; // 44
  seedHi: u32; // 48
  /**
   * Out, f64 a row: what a raw score is ranked among; 0 = the rows' own scores. Of kinds whose score of a new row counts the row itself
   * among the training rows.
   */
  ranked: u32; // 52
}

export function parameter(training: Training, index: u32): f64 {
  return load<f64>(training.parameters + (index << 3));
}

export function rowOf(training: Training, index: u32): u32 {
  return training.rows + index * (training.columns << 3);
}

export function setScore(training: Training, row: u32, score: f64): void {
  store<f64>(training.scores + (row << 3), score);
}

/**
 * Makes the model's block with a body of this many bytes, zeroed, and returns the body's address. Once a training; work memory
 * taken later lies behind it.
 */
export function beginModel(training: Training, bodyBytes: u64): u32 {
  const knots = 2 * min(KNOTS_MAX >> 1, max<u32>(2, training.count));
  const body = align16(align16(MODEL_HEADER + training.columns * 24) + knots * 8);
  const bytes = (((body as u64) + bodyBytes + 15) & ~(15 as u64)) as u64;
  const address = work(bytes);
  memory.fill(address, 0, bytes as u32);
  const model = modelAt(address);
  model.magic = MODEL_MAGIC;
  model.format = MODEL_FORMAT;
  model.bytes = bytes as u32;
  model.kind = training.kind;
  model.columns = training.columns;
  model.knots = knots;
  model.body = body;
  model.bodyBytes = bodyBytes as u32;
  model.rows = training.count as f64;
  model.sampled = training.count;
  model.contamination = training.contamination;
  model.seedLo = training.seedLo;
  model.seedHi = training.seedHi;
  const fills = fillsOf(model);
  const scales = scalesOf(model);
  for (let i: u32 = 0; i < training.columns; i++) {
    store<f64>(fills + (i << 3), 0);
    store<f64>(scales + (i << 3), 1);
  }
  training.model = address;
  return address + body;
}

/** Makes a training over rows that are prepared already: of SUOD's base kinds. */
export function newTraining(kind: u32, rows: u32, count: u32, columns: u32): Training {
  const training = changetype<Training>(work(offsetof<Training>()));
  memory.fill(changetype<u32>(training), 0, offsetof<Training>());
  training.kind = kind;
  training.rows = rows;
  training.count = count;
  training.columns = columns;
  training.scores = work((count as u64) << 3);
  training.newScores = work((count as u64) << 3);
  return training;
}

function control(index: u32): f64 {
  return load<f64>(CONTROL_BASE + (index << 3));
}

/** Of the training that ended last in this instance, for tests. */
let lastScores: u32 = 0;

/** Address of the training rows' own scores (f64 each), and after them, from the next multiple of 16, their scores as new rows. */
export function trainingScoresOf(): u32 {
  return lastScores;
}

/** Trains what CONTROL describes; the address of the model. Stops the instance where it cannot (work.ts). */
export function train(): u32 {
  const columns = control(T_COLUMNS) as u32;
  const count = control(T_ROWS) as u32;
  if (columns < 1 || columns > MODEL_COLUMNS_MAX) fail(FAILED_BAD_TRAINING);
  if (count < 2) fail(FAILED_TOO_FEW_ROWS);
  beginWork(WORK_BASE + ((count * columns) << 3));
  beginScratch();
  const preparation = work((columns as u64) * 24);
  const scaler = control(T_SCALER) as u32;
  for (let c: u32 = 0; c < columns; c++) {
    store<f64>(preparation + (c << 3), median(WORK_BASE, count, columns, c));
  }
  scaleColumns(scaler, WORK_BASE, count, columns, preparation);
  const training = newTraining(control(T_KIND) as u32, WORK_BASE, count, columns);
  training.contamination = control(T_CONTAMINATION);
  training.parameters = CONTROL_BASE + (T_PARAMETERS << 3);
  training.seedLo = control(T_SEED_LO) as u32;
  training.seedHi = control(T_SEED_HI) as u32;
  lastScores = training.scores;
  trainPrepared(training);
  const model = modelAt(training.model);
  model.scaler = scaler;
  memory.copy(fillsOf(model), preparation, columns * 24);
  model.checksum = hashModel(model);
  return training.model;
}

/** Trains on prepared rows: kind, both kinds of scores, calibration. The model's own preparation is left as none. */
export function trainPrepared(training: Training): void {
  seedRandom(training.seedLo, training.seedHi);
  trainKind(training);
  const model = modelAt(training.model);
  if (training.hasNewScores == 0) scoreTrainingRows(training, model);
  calibrate(model, training.scores, training.newScores, training.count);
  if (training.ranked != 0) rankAmong(model, training.ranked, training.count);
}

function scoreTrainingRows(training: Training, model: Model): void {
  for (let i: u32 = 0; i < training.count; i++) {
    beginScratch();
    store<f64>(training.newScores + (i << 3), scoreKind(model, rowOf(training, i)));
  }
}
