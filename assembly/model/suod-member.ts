/* The training of one of SUOD's base kinds: projected, trained, standardised, and replaced by a forest where it is slow. */
import { randomNormal } from "../rng";
import { forestBytes, writeForest } from "./forest";
import {
  KIND_CBLOF,
  KIND_KNN,
  KIND_LOCAL_OUTLIER_FACTOR,
  KIND_ONE_CLASS_SVM,
  trainKind,
} from "./kinds";
import { align16, bodyOf, MODEL_HEADER, modelAt } from "./model";
import { growRegressionForest } from "./regression-forest";
import { newTraining, rowOf, Training } from "./training";
import { releaseWork, work, workTop, zeroedWork } from "./work";

/** Raw scores beyond it count as it, so that their squares stay finite. */
const SCORE_MAX: f64 = 1e150;
/** Standardised scores and projected values beyond it count as it, so that sums of them stay finite. */
const VALUE_MAX: f64 = 1e300;

@unmanaged
export class Member {
  /** Offset of the part from the body (its address while it is trained), and its bytes. */
  part: u32; // 0
  bytes: u32; // 4
  /** Offset of the projection from the body; 0 = none. */
  projection: u32; // 8
  /** Columns of the rows that the part gets. */
  columns: u32; // 12
  /** 1 = the part is a regression forest of standardised scores, else it is a model. */
  isForest: u32; // 16
  reserved: u32;
  /** Of the model's scores of its training rows. */
  mean: f64; // 24
  deviation: f64; // 32
}

export const MEMBER_BYTES: u32 = 48;

/** What SUOD's parameters say of all members. */
@unmanaged
export class MemberPlan {
  /** Columns of the projection; 0 = none. */
  projected: u32; // 0
  approximated: u32; // 4
}

function isProjected(kind: u32): bool {
  return kind == KIND_LOCAL_OUTLIER_FACTOR || kind == KIND_KNN;
}

function isApproximated(kind: u32): bool {
  return isProjected(kind) || kind == KIND_CBLOF || kind == KIND_ONE_CLASS_SVM;
}

function limit(value: f64, most: f64): f64 {
  if (value != value) return 0;
  return value > most ? most : value < -most ? -most : value;
}

export function standardise(member: Member, score: f64): f64 {
  return limit((limit(score, SCORE_MAX) - member.mean) / member.deviation, VALUE_MAX);
}

/** A row of `columns` through a matrix of `onto` rows. */
export function projectRow(matrix: u32, row: u32, columns: u32, onto: u32, out: u32): void {
  for (let k: u32 = 0; k < onto; k++) {
    const weights = matrix + k * (columns << 3);
    let pairs = f64x2.splat(0);
    let more = f64x2.splat(0);
    let c: u32 = 0;
    for (; c + 4 <= columns; c += 4) {
      const at = c << 3;
      pairs = f64x2.add(pairs, f64x2.mul(v128.load(weights + at), v128.load(row + at)));
      more = f64x2.add(more, f64x2.mul(v128.load(weights + at, 16), v128.load(row + at, 16)));
    }
    pairs = f64x2.add(pairs, more);
    let sum = f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1);
    for (; c < columns; c++) {
      sum += load<f64>(weights + (c << 3)) * load<f64>(row + (c << 3));
    }
    store<f64>(out + (k << 3), limit(sum, VALUE_MAX));
  }
}

/**
 * Trains a member with its own parameters and leaves at the top of work memory no more than its projection and its part, whose
 * addresses and sizes it fills in. Writes the standardised scores of its training rows.
 */
export function trainMember(
  training: Training,
  plan: MemberPlan,
  kind: u32,
  parameters: u32,
  member: Member,
  scores: u32,
): void {
  const count = training.count;
  member.columns = training.columns;
  member.projection = 0;
  const isThrough = isProjected(kind) && plan.projected != 0;
  if (isThrough) {
    member.columns = plan.projected;
    member.projection = newProjection(training.columns, plan.projected);
  }
  const mark = workTop();
  const rows = isThrough ? projectRows(training, member) : training.rows;
  const own = newTraining(kind, rows, count, member.columns);
  own.contamination = training.contamination;
  own.parameters = parameters;
  own.seedLo = training.seedLo;
  own.seedHi = training.seedHi;
  trainKind(own);
  standardiseAll(member, own.scores, count, scores);
  member.isForest = u32(isApproximated(kind) && plan.approximated != 0);
  member.part = mark;
  if (member.isForest != 0) keepForest(member, rows, count, scores);
  else keepModel(member, own.model);
  releaseWork(mark + align16(member.bytes));
}

function newProjection(columns: u32, onto: u32): u32 {
  const matrix = work(((columns as u64) * (onto as u64)) << 3);
  const scale = 1 / Math.sqrt(onto as f64);
  for (let i: u32 = 0; i < columns * onto; i++) {
    store<f64>(matrix + (i << 3), randomNormal() * scale);
  }
  return matrix;
}

function projectRows(training: Training, member: Member): u32 {
  const onto = member.columns;
  const rows = work(((training.count as u64) * (onto as u64)) << 3);
  for (let i: u32 = 0; i < training.count; i++) {
    const out = rows + i * (onto << 3);
    projectRow(member.projection, rowOf(training, i), training.columns, onto, out);
  }
  return rows;
}

/**
 * Mean and population deviation of scores, and the scores standardised. A deviation that is no more than rounding counts as
 * none, and none as 1 (scikit-learn's StandardScaler).
 */
function standardiseAll(member: Member, scores: u32, count: u32, out: u32): void {
  const size = count as f64;
  let sum: f64 = 0;
  for (let i: u32 = 0; i < count; i++) sum += limit(load<f64>(scores + (i << 3)), SCORE_MAX);
  const mean = sum / size;
  let squares: f64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const delta = limit(load<f64>(scores + (i << 3)), SCORE_MAX) - mean;
    squares += delta * delta;
  }
  const variance = squares / size;
  const rounding = size * mean * f64.EPSILON;
  const isConstant = variance <= size * f64.EPSILON * variance + rounding * rounding;
  member.mean = mean;
  member.deviation = isConstant ? 1 : Math.sqrt(variance);
  for (let i: u32 = 0; i < count; i++) {
    store<f64>(out + (i << 3), standardise(member, load<f64>(scores + (i << 3))));
  }
}

/** A forest learns the standardised scores and takes the model's place. */
function keepForest(member: Member, rows: u32, count: u32, scores: u32): void {
  const growth = growRegressionForest(rows, count, member.columns, scores);
  member.bytes = forestBytes(growth.trees, growth.nodes) as u32;
  const forest = zeroedWork(forestBytes(growth.trees, growth.nodes));
  writeForest(growth, member.columns, forest);
  memory.copy(member.part, forest, member.bytes);
  member.mean = 0;
  member.deviation = 1;
}

/** The model moves to the part's place, without preparation and calibration, which the whole has. */
function keepModel(member: Member, address: u32): void {
  const from = modelAt(address);
  const body = bodyOf(from);
  const bodyBytes = from.bodyBytes;
  memory.copy(member.part, address, MODEL_HEADER);
  memory.copy(member.part + MODEL_HEADER, body, bodyBytes);
  const model = modelAt(member.part);
  model.knots = 0;
  model.body = MODEL_HEADER;
  model.bytes = align16(MODEL_HEADER + bodyBytes);
  member.bytes = model.bytes;
}
