/*
 * A detector's block: its configuration with everything derived from it once, the heads of its partitions' key tables, of its
 * structures and of its ids.
 *
 *   ┌ header 16 │ scalars, windows and lags │ structure heads 64 x u32 │ order 256 x u16 │ low, high 256 x f64 │ partitions 256 x 16 B ┐
 *   partition: table u32 (address, 0 = none yet) │ count u32 │ cursor u32 │ pad
 */
import { allocate, BLOCK_HEADER, blockBytes, KIND_DETECTOR, KIND_PROGRAM, release } from "./arena";
import { control, isWhole, WHOLE_MAX } from "./control-block";
import { programBytes, programIn } from "./feature/program";
import { isProgramValid, programInControl } from "./feature/program-check";
import { derivedColumns } from "./feature/rolling";
import * as layout from "./layout";
import { KIND_FIRST, KIND_LAST } from "./model/kinds";
import { MODEL_COLUMNS_MAX } from "./model/model";
import { NORMALIZE_ZSCORE } from "./model/calibration";
import { pairBytes, statisticsBytes } from "./scale/scale";
import { SKETCH_BYTES } from "./threshold";

export const MODEL_HALF_SPACE_TREES: u32 = 1;

/** Longest window that is kept as a log: a node that lacks its feature costs a pass over the log. */
const LOG_EVENTS_MAX: u32 = 4096;

export const STRUCTURE_HEADS: u32 = 64;

@unmanaged
export class Detector {
  kind: u32; // 0
  run: u32;
  slot: u32;
  generation: u32;
  features: u32; // 16
  trees: u32;
  height: u32;
  window: u32;
  leaves: u32; // 32, of one tree
  leafBytes: u32; // of a leaf's index in the log
  /** 1 = the running window is a log of leaf indices, 0 = it is counts. */
  logs: u32;
  /** Bytes of an event in the log. */
  logStride: u32;
  windowBytesMax: u32; // 48, of a whole log, or of the counts
  /** 1 = a leaf total takes 32 bits, else 16. */
  wideTotals: u32;
  totalsBytes: u32; // without the sketch
  sizeLimit: u32; // a node whose mass is below it ends the walk
  burnIn: f64; // 64
  threshold: f64; // NaN = by alertShare
  alertShare: f64;
  keysPerPartition: u32; // 88
  refuses: u32;
  keyTtlMs: f64; // 96
  idsMax: f64;
  learnsSystemActions: u32; // 112
  scaler: u32;
  statisticsBytes: u32;
  seedLo: u32;
  seedHi: u32; // 128
  modelKind: u32;
  scoreMax: f64; // 136
  idRing: u32; // 144
  idIndex: u32;
  idHead: u64; // 152, ids ever remembered
  idTail: u64; // 160, the oldest that is still there
  pairsBytes: u32; // 168, of the statistics, without the absences
  /** Of a row as a window model sees it: inputs and what is derived from them. */
  columns: u32; // 172
  windowRows: u32; // 176
  minSamples: f64; // 184
  retrainInterval: f64; // 192
  normalization: u32; // 200
  dropsFlagged: u32;
  rollingCount: u32; // 208
  lagCount: u32;
  /** Address of the block of its feature program; 0 = nothing is derived, and a row is what the model sees. */
  program: u32; // 216
  /** float64s that a row is sent with: what features are derived from, and the model's inputs. */
  sources: u32;
  derived: u32; // 224, features
  /** Index of the model's first column in a row. */
  modelFirst: u32;
  /** float64s of a row: sources, features, and the bits of those that took their default. An explanation comes after them. */
  rowValues: u32; // 232
  /** 1 = the keys of rows have features alone; all share one cell. */
  oneCell: u32;
  /** Address of the key that holds it; 0 = none yet. */
  cellKey: u32; // 240
  /** Bytes from the model's first column in a row to the row's explanation. */
  explainAt: u32;
  /** Address of the block that says how far an import of its state is; 0 = none is under way. */
  importing: u32; // 248
}

/** Windows of rolling features, then lags, u32 each. */
const ROLLING: u32 = 256;
const LAGS: u32 = ROLLING + layout.ROLLING_MAX * 4;
const HEADS: u32 = 320;
const ORDER: u32 = HEADS + STRUCTURE_HEADS * 4;
const LOW: u32 = ORDER + layout.FEATURES_MAX * 2;
const HIGH: u32 = LOW + layout.FEATURES_MAX * 8;
const PARTITION: u32 = HIGH + layout.FEATURES_MAX * 8;
const DETECTOR_BYTES: u32 = PARTITION + layout.PARTITIONS * 16;

@unmanaged
export class Partition {
  table: u32; // 0
  count: u32; // 4
  cursor: u32; // 8
  pad: u32;
}

export function detectorOf(slot: u32): Detector {
  return changetype<Detector>(layout.slotAt(slot).detector);
}

export function partitionOf(detector: Detector, hashLo: u32): Partition {
  return changetype<Partition>(
    changetype<u32>(detector) + PARTITION + ((hashLo & (layout.PARTITIONS - 1)) << 4),
  );
}

export function structureHead(detector: Detector, maskHash: u32): u32 {
  return changetype<u32>(detector) + HEADS + ((maskHash & (STRUCTURE_HEADS - 1)) << 2);
}

/** Forgets lists and tables, not their blocks: `recover` makes them anew. */
export function clearHeads(detector: Detector): void {
  memory.fill(changetype<u32>(detector) + HEADS, 0, STRUCTURE_HEADS << 2);
  memory.fill(changetype<u32>(detector) + PARTITION, 0, layout.PARTITIONS << 4);
}

/** The column at a position in the order of names. */
export function columnAt(detector: Detector, position: u32): u32 {
  return load<u16>(changetype<u32>(detector) + ORDER + (position << 1)) as u32;
}

export function lowOf(detector: Detector, column: u32): f64 {
  return load<f64>(changetype<u32>(detector) + LOW + (column << 3));
}

export function highOf(detector: Detector, column: u32): f64 {
  return load<f64>(changetype<u32>(detector) + HIGH + (column << 3));
}

/** The order of the columns' names, and their limits: zeroes past the last feature. */
export function limitsOf(detector: Detector): u32 {
  return changetype<u32>(detector) + ORDER;
}

export function limitsBytes(): u32 {
  return PARTITION - ORDER;
}

export function isWindowModel(detector: Detector): bool {
  return detector.modelKind != MODEL_HALF_SPACE_TREES;
}

export function rollingListOf(detector: Detector): u32 {
  return changetype<u32>(detector) + ROLLING;
}

export function lagListOf(detector: Detector): u32 {
  return changetype<u32>(detector) + LAGS;
}

/** A block for a detector's state, counted in its bytes. 0 = the arena is full. */
export function allocateFor(slot: u32, bytes: u32): u32 {
  const block = allocate(bytes);
  if (block != 0) layout.slotAt(slot).stateBytes += blockBytes(block) as f64;
  return block;
}

export function releaseFor(slot: u32, block: u32): void {
  if (block == 0) return;
  layout.slotAt(slot).stateBytes -= blockBytes(block) as f64;
  release(block);
}

function isConfigValid(): bool {
  const features = control(layout.CONTROL_FEATURES);
  const isTrees = control(layout.CONTROL_MODEL_KIND) == (MODEL_HALF_SPACE_TREES as f64);
  const derives = control(layout.CONTROL_HAS_PROGRAM);
  if (!isWhole(derives, 0, 1)) return false;
  if (derives != 0) {
    if (!isProgramValid(features, !isTrees)) return false;
    if (isTrees && features > (layout.FEATURES_MAX as f64)) return false;
  } else if (!isWhole(features, 0, layout.FEATURES_MAX as f64)) {
    return false;
  }
  if (!isWhole(control(layout.CONTROL_SEED_LO), 0, 4294967295)) return false;
  if (!isWhole(control(layout.CONTROL_SEED_HI), 0, 4294967295)) return false;
  if (!isWhole(control(layout.CONTROL_KEYS_PER_PARTITION), 1, 4294967295)) return false;
  if (!(control(layout.CONTROL_BURN_IN) >= 0)) return false;
  if (!(control(layout.CONTROL_KEY_TTL_MS) >= 0)) return false;
  if (!isWhole(control(layout.CONTROL_IDS_MAX), 0, 1000000000)) return false;
  return isTrees ? areTreesValid(features) : isWindowValid(features);
}

function areTreesValid(features: f64): bool {
  for (let i: u32 = 0; i < (features as u32); i++) {
    if (!isWhole(control(layout.CONTROL_ORDER + i), 0, features - 1)) return false;
  }
  if (!isWhole(control(layout.CONTROL_TREES), 1, 200)) return false;
  if (!isWhole(control(layout.CONTROL_HEIGHT), 1, 16)) return false;
  if (!isWhole(control(layout.CONTROL_WINDOW), 1, 65535)) return false;
  if (!isWhole(control(layout.CONTROL_SCALER), 0, 2)) return false;
  const fixed = control(layout.CONTROL_THRESHOLD);
  const share = control(layout.CONTROL_ALERT_SHARE);
  return fixed == fixed || (share >= 0 && share <= 1);
}

function isWindowValid(features: f64): bool {
  if (!isWhole(control(layout.CONTROL_MODEL_KIND), KIND_FIRST as f64, KIND_LAST as f64))
    return false;
  if (!isWhole(control(layout.CONTROL_WINDOW_ROWS), 10, layout.WINDOW_ROWS_MAX as f64))
    return false;
  if (!isWhole(control(layout.CONTROL_MIN_SAMPLES), 2, WHOLE_MAX)) return false;
  if (!isWhole(control(layout.CONTROL_RETRAIN_INTERVAL), 1, WHOLE_MAX)) return false;
  if (!isWhole(control(layout.CONTROL_NORMALIZATION), 0, NORMALIZE_ZSCORE as f64)) return false;
  if (control(layout.CONTROL_THRESHOLD) != control(layout.CONTROL_THRESHOLD)) return false;
  const windows = control(layout.CONTROL_ROLLING_COUNT);
  const lags = control(layout.CONTROL_LAG_COUNT);
  if (!areRowCounts(layout.CONTROL_ROLLING, windows, layout.ROLLING_MAX)) return false;
  if (!areRowCounts(layout.CONTROL_LAGS, lags, layout.LAGS_MAX)) return false;
  // Of rows one after another, or of keys' windows: not both.
  if (control(layout.CONTROL_HAS_PROGRAM) != 0 && windows + lags != 0) return false;
  return derivedColumns(features as u32, windows as u32, lags as u32) <= MODEL_COLUMNS_MAX;
}

/** Up to `most` numbers of rows in CONTROL. */
function areRowCounts(first: u32, count: f64, most: u32): bool {
  if (!isWhole(count, 0, most as f64)) return false;
  for (let i: u32 = 0; i < (count as u32); i++) {
    if (!isWhole(control(first + i), 1, layout.WINDOW_ROWS_MAX as f64)) return false;
  }
  return true;
}

/** Makes the detector that CONTROL describes. Status. */
export function create(slot: u32): u32 {
  const place = layout.slotAt(slot);
  if (place.detector != 0) return layout.SLOT_IN_USE;
  if (!isConfigValid()) return layout.BAD_CONFIG;
  memory.fill(changetype<u32>(place) + 8, 0, layout.SLOT_BYTES - 8);
  place.heartbeatMs = -Infinity;
  place.generation += 1;
  const block = allocateFor(slot, DETECTOR_BYTES);
  if (block == 0) return layout.NO_MEMORY;
  const detector = readControl(block);
  detector.slot = slot;
  detector.generation = place.generation;
  if (!keepProgram(detector)) {
    releaseFor(slot, block);
    return layout.NO_MEMORY;
  }
  detector.kind = KIND_DETECTOR;
  place.detector = block;
  return layout.OK;
}

/** What CONTROL describes, in scratch, its program still in CONTROL; it has no slot. null = no detector is so. */
export function describe(): Detector {
  if (!isConfigValid()) return changetype<Detector>(0);
  const detector = readControl(layout.SCRATCH_FOLD);
  if (control(layout.CONTROL_HAS_PROGRAM) != 0) {
    detector.program = changetype<u32>(programInControl()) - BLOCK_HEADER;
  }
  return detector;
}

/** Fills a detector's bytes with what CONTROL says, which is valid. */
function readControl(block: u32): Detector {
  memory.fill(block + 8, 0, DETECTOR_BYTES - 8);
  const detector = changetype<Detector>(block);
  readShape(detector);
  readConfig(detector);
  if (isWindowModel(detector)) readWindow(detector);
  else {
    readColumns(detector);
    derive(detector);
  }
  return detector;
}

/** What a row is made of. */
function readShape(detector: Detector): void {
  const columns = control(layout.CONTROL_FEATURES) as u32;
  detector.sources = columns;
  detector.rowValues = columns;
  detector.explainAt = columns << 3;
  if (control(layout.CONTROL_HAS_PROGRAM) == 0) return;
  const sent = programInControl();
  detector.sources = sent.sources as u32;
  detector.derived = sent.features as u32;
  detector.modelFirst = sent.modelFirst as u32;
  detector.rowValues = detector.sources + detector.derived + 1;
  detector.explainAt = (detector.rowValues - detector.modelFirst) << 3;
  detector.oneCell = sent.oneCell as u32;
}

/** Copies the feature program out of CONTROL, where there is one. False = the arena is full. */
function keepProgram(detector: Detector): bool {
  if (control(layout.CONTROL_HAS_PROGRAM) == 0) return true;
  const sent = programInControl();
  const bytes = programBytes(sent);
  const block = allocateFor(detector.slot, BLOCK_HEADER + bytes);
  if (block == 0) return false;
  memory.fill(block + 8, 0, BLOCK_HEADER - 8);
  memory.copy(changetype<u32>(programIn(block)), changetype<u32>(sent), bytes);
  store<u32>(block, KIND_PROGRAM);
  detector.program = block;
  return true;
}

function readConfig(detector: Detector): void {
  detector.features = control(layout.CONTROL_FEATURES) as u32;
  detector.trees = control(layout.CONTROL_TREES) as u32;
  detector.height = control(layout.CONTROL_HEIGHT) as u32;
  detector.window = control(layout.CONTROL_WINDOW) as u32;
  detector.seedLo = control(layout.CONTROL_SEED_LO) as u32;
  detector.seedHi = control(layout.CONTROL_SEED_HI) as u32;
  detector.scaler = control(layout.CONTROL_SCALER) as u32;
  detector.burnIn = control(layout.CONTROL_BURN_IN);
  detector.threshold = control(layout.CONTROL_THRESHOLD);
  detector.alertShare = control(layout.CONTROL_ALERT_SHARE);
  detector.keysPerPartition = control(layout.CONTROL_KEYS_PER_PARTITION) as u32;
  detector.refuses = control(layout.CONTROL_AT_KEYS_MAX) == 1 ? 1 : 0;
  detector.keyTtlMs = control(layout.CONTROL_KEY_TTL_MS);
  detector.idsMax = control(layout.CONTROL_IDS_MAX);
  detector.learnsSystemActions = control(layout.CONTROL_LEARN_SYSTEM_ACTIONS) != 0 ? 1 : 0;
  detector.modelKind = control(layout.CONTROL_MODEL_KIND) as u32;
}

/** Of Half-Space Trees: the order of the columns' names, and their limits. */
function readColumns(detector: Detector): void {
  const base = changetype<u32>(detector);
  const features = detector.features;
  for (let i: u32 = 0; i < features; i++) {
    store<u16>(base + ORDER + (i << 1), control(layout.CONTROL_ORDER + i) as u32 as u16);
    store<f64>(base + LOW + (i << 3), control(layout.CONTROL_ORDER + features + i));
    store<f64>(base + HIGH + (i << 3), control(layout.CONTROL_ORDER + 2 * features + i));
  }
}

/** What Half-Space Trees are told is not used: no structure, statistics, logs or totals. */
function readWindow(detector: Detector): void {
  detector.windowRows = control(layout.CONTROL_WINDOW_ROWS) as u32;
  detector.minSamples = control(layout.CONTROL_MIN_SAMPLES);
  detector.retrainInterval = control(layout.CONTROL_RETRAIN_INTERVAL);
  detector.normalization = control(layout.CONTROL_NORMALIZATION) as u32;
  detector.dropsFlagged = control(layout.CONTROL_DROP_FLAGGED) != 0 ? 1 : 0;
  detector.rollingCount = control(layout.CONTROL_ROLLING_COUNT) as u32;
  detector.lagCount = control(layout.CONTROL_LAG_COUNT) as u32;
  for (let i: u32 = 0; i < detector.rollingCount; i++) {
    store<u32>(rollingListOf(detector) + (i << 2), control(layout.CONTROL_ROLLING + i) as u32);
  }
  for (let i: u32 = 0; i < detector.lagCount; i++) {
    store<u32>(lagListOf(detector) + (i << 2), control(layout.CONTROL_LAGS + i) as u32);
  }
  detector.columns = derivedColumns(detector.features, detector.rollingCount, detector.lagCount);
}

function derive(detector: Detector): void {
  const height = detector.height;
  const window = detector.window;
  const trees = detector.trees;
  const leaves: u32 = 1 << height;
  detector.leaves = leaves;
  detector.leafBytes = height <= 8 ? 1 : 2;
  detector.logs = window <= LOG_EVENTS_MAX && window * detector.leafBytes <= 2 * leaves ? 1 : 0;
  detector.logStride = trees * detector.leafBytes;
  detector.windowBytesMax = detector.logs != 0 ? window * detector.logStride : trees * leaves * 2;
  detector.wideTotals = window * (leaves - 1) > 65535 ? 1 : 0;
  detector.totalsBytes = (trees * leaves) << (1 + detector.wideTotals);
  // River compares r_mass < 0.1 * window_size; masses are whole numbers.
  detector.sizeLimit = Math.ceil(0.1 * (window as f64)) as u32;
  detector.scoreMax = (trees as f64) * (window as f64) * ((2 * leaves - 1) as f64);
  detector.pairsBytes = ((detector.features + 1) >> 1) * pairBytes(detector.scaler);
  detector.statisticsBytes = statisticsBytes(detector.scaler, detector.features);
}

/** Bytes of a totals block: leaf totals, then the sketch where the threshold is a quantile. */
export function totalsBlockBytes(detector: Detector): u32 {
  const sketch = detector.threshold == detector.threshold ? 0 : SKETCH_BYTES;
  return BLOCK_HEADER + detector.totalsBytes + sketch;
}
