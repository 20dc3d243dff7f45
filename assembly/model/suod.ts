/*
 * SUOD (Zhao et al. 2021) as PyOD combines it: base kinds side by side, their scores standardised by their training scores (mean,
 * population standard deviation), the average or the largest of them.
 *
 * - Kinds that compare distances (LOF, knn) see rows through a random projection onto k = max(1, int(target_dim_frac * columns))
 *   columns (Johnson and Lindenstrauss: N(0, 1) / sqrt(k)).
 * - Kinds that are slow to score (LOF, knn, cblof, one_class_svm) are replaced after the training by a regression forest that
 *   learned the standardised scores of their training rows.
 *
 *   ┌ header 16 B │ members: 48 B each │ means of the columns: f64 each │ ranges (beyond.ts) │ the members' own ┐
 *
 * A member's own are its projection, k rows of columns f64, and its part: a model (model.ts) without preparation and calibration,
 * or a forest (forest.ts).
 */
import { beyondBytes, keepRanges, shareByDistance } from "./beyond";
import { attributeLeaves, castRow, checkForest, forestAt, sumLeaves } from "./forest";
import { checkKind, explainKind, KIND_FIRST, KIND_LAST, KIND_SUOD, scoreKind } from "./kinds";
import { align16, bodyOf, Model, MODEL_FORMAT, MODEL_HEADER, MODEL_MAGIC, modelAt } from "./model";
import { REGRESSION_ROWS_MAX } from "./regression-forest";
import {
  Member,
  MEMBER_BYTES,
  MemberPlan,
  projectRow,
  standardise,
  trainMember,
} from "./suod-member";
import { beginModel, parameter, rowOf, setScore, Training } from "./training";
import { fail, FAILED_BAD_TRAINING, releaseScratch, scratchTop, takeScratch, work } from "./work";

const COMBINATION: u32 = 0;
const PROJECT: u32 = 1;
const DIMENSION_SHARE: u32 = 2;
const APPROXIMATE: u32 = 3;
/** How many base kinds; of each then its kind, how many parameters it has, and those. */
const ESTIMATORS: u32 = 4;

const ESTIMATORS_MAX: u32 = 16;
const PARAMETERS_MAX: f64 = 256;

const AVERAGE: u32 = 0;

@unmanaged
class Body {
  members: u32; // 0
  combination: u32; // 4
}

const BODY_HEADER: u32 = 16;

function suodOf(model: Model): Body {
  return changetype<Body>(bodyOf(model));
}

function memberAt(members: u32, index: u32): Member {
  return changetype<Member>(members + index * MEMBER_BYTES);
}

function memberOf(model: Model, index: u32): Member {
  return memberAt(bodyOf(model) + BODY_HEADER, index);
}

function meansOffset(members: u32): u32 {
  return BODY_HEADER + members * MEMBER_BYTES;
}

function rangesOffset(members: u32, columns: u32): u32 {
  return meansOffset(members) + (columns << 3);
}

/** Where the members' own begin. */
function partsOffset(members: u32, columns: u32): u32 {
  return align16(rangesOffset(members, columns) + beyondBytes(columns));
}

function projectionBytes(member: Member, columns: u32): u64 {
  return member.projection == 0 ? 0 : ((member.columns as u64) * (columns as u64)) << 3;
}

export function trainSuod(training: Training): void {
  const wanted = parameter(training, ESTIMATORS);
  if (!(wanted >= 1 && wanted <= (ESTIMATORS_MAX as f64))) fail(FAILED_BAD_TRAINING);
  const count = wanted as u32;
  const columns = training.columns;
  const plan = changetype<MemberPlan>(work(offsetof<MemberPlan>()));
  plan.approximated = u32(parameter(training, APPROXIMATE) != 0);
  const share = parameter(training, DIMENSION_SHARE) * (columns as f64);
  plan.projected =
    parameter(training, PROJECT) != 0 ? max<u32>(1, min<u32>(columns, share as u32)) : 0;
  const members = work((count as u64) * MEMBER_BYTES);
  memory.fill(members, 0, count * MEMBER_BYTES);
  const combination = parameter(training, COMBINATION) as u32;
  const scores = work((training.count as u64) << 3);
  let at = ESTIMATORS + 1;
  let bytes = partsOffset(count, columns) as u64;
  let sampled = false;
  for (let i: u32 = 0; i < count; i++) {
    const kind = parameter(training, at);
    const parameters = parameter(training, at + 1);
    const isKind = kind >= (KIND_FIRST as f64) && kind <= (KIND_LAST as f64);
    if (!isKind || kind == (KIND_SUOD as f64)) fail(FAILED_BAD_TRAINING);
    if (!(parameters >= 0 && parameters <= PARAMETERS_MAX)) fail(FAILED_BAD_TRAINING);
    const member = memberAt(members, i);
    trainMember(training, plan, kind as u32, training.parameters + ((at + 2) << 3), member, scores);
    addScores(training, i, count, combination, scores);
    sampled = sampled || member.isForest != 0;
    bytes += align16(projectionBytes(member, columns) as u32) + align16(member.bytes);
    at += 2 + (parameters as u32);
  }
  writeBody(training, members, count, bytes);
  suodOf(modelAt(training.model)).combination = combination;
  if (sampled) modelAt(training.model).sampled = min<u32>(training.count, REGRESSION_ROWS_MAX);
}

/** Joins a member's standardised scores to those of the members before it. */
function addScores(training: Training, index: u32, members: u32, combination: u32, own: u32): void {
  for (let i: u32 = 0; i < training.count; i++) {
    const before = load<f64>(training.scores + (i << 3));
    const score = load<f64>(own + (i << 3));
    if (combination == AVERAGE) {
      setScore(training, i, (index == 0 ? 0 : before) + score / (members as f64));
    } else {
      setScore(training, i, index == 0 ? score : max<f64>(before, score));
    }
  }
}

function writeBody(training: Training, members: u32, count: u32, bytes: u64): void {
  const columns = training.columns;
  const body = beginModel(training, bytes);
  changetype<Body>(body).members = count;
  keepRanges(training, body + rangesOffset(count, columns));
  for (let c: u32 = 0; c < columns; c++) {
    let mean: f64 = 0;
    for (let i: u32 = 0; i < training.count; i++) {
      mean += (load<f64>(rowOf(training, i) + (c << 3)) - mean) / ((i + 1) as f64);
    }
    store<f64>(body + meansOffset(count) + (c << 3), mean);
  }
  let to = partsOffset(count, columns);
  for (let i: u32 = 0; i < count; i++) {
    const member = memberAt(members, i);
    const projection = projectionBytes(member, columns) as u32;
    if (projection != 0) {
      memory.copy(body + to, member.projection, projection);
      member.projection = to;
      to += align16(projection);
    }
    memory.copy(body + to, member.part, member.bytes);
    member.part = to;
    to += align16(member.bytes);
  }
  memory.copy(body + BODY_HEADER, members, count * MEMBER_BYTES);
}

/** The row as a member's part gets it: itself, or projected into scratch memory. */
function fedRow(model: Model, member: Member, row: u32): u32 {
  if (member.projection == 0) return row;
  const fed = takeScratch(member.columns << 3);
  projectRow(bodyOf(model) + member.projection, row, model.columns, member.columns, fed);
  return fed;
}

/** A member's standardised score. */
function scoreMember(model: Model, member: Member, row: u32): f64 {
  const mark = scratchTop();
  const fed = fedRow(model, member, row);
  const part = bodyOf(model) + member.part;
  let score: f64 = 0;
  if (member.isForest != 0) {
    const cast = takeScratch(member.columns << 2);
    castRow(fed, member.columns, cast);
    const forest = forestAt(part);
    score = sumLeaves(forest, cast) / (forest.trees as f64);
  } else {
    score = scoreKind(modelAt(part), fed);
  }
  releaseScratch(mark);
  return standardise(member, score);
}

export function scoreSuod(model: Model, row: u32): f64 {
  const body = suodOf(model);
  const members = body.members;
  let score: f64 = body.combination == AVERAGE ? 0 : -Infinity;
  for (let i: u32 = 0; i < members; i++) {
    const own = scoreMember(model, memberOf(model, i), row);
    if (body.combination == AVERAGE) score += own / (members as f64);
    else score = max<f64>(score, own);
  }
  return score;
}

/**
 * The mean of the members' own explanations (of the largest member's alone), each in units of its standardised score; what a
 * projected column did goes to the row's columns by their parts in its distance from the mean, |weight * (value - mean)|. A
 * regression forest explains by path attribution. What raises the score is then shared out by distance (beyond.ts). The baseline
 * is what remains of the score.
 */
export function explainSuod(model: Model, row: u32, out: u32): f64 {
  const body = suodOf(model);
  const columns = model.columns;
  const members = body.members;
  memory.fill(out, 0, columns << 3);
  const score = scoreSuod(model, row);
  if (body.combination == AVERAGE) {
    const weight = 1 / (members as f64);
    for (let i: u32 = 0; i < members; i++) {
      explainMember(model, memberOf(model, i), row, weight, out);
    }
  } else {
    for (let i: u32 = 0; i < members; i++) {
      const member = memberOf(model, i);
      if (scoreMember(model, member, row) != score) continue;
      explainMember(model, member, row, 1, out);
      break;
    }
  }
  const ranges = bodyOf(model) + rangesOffset(members, columns);
  shareByDistance(ranges, row, columns, out);
  let baseline = score;
  for (let c: u32 = 0; c < columns; c++) baseline -= load<f64>(out + (c << 3));
  return baseline;
}

/** Adds `weight` times what each column did to a member's standardised score. */
function explainMember(model: Model, member: Member, row: u32, weight: f64, out: u32): void {
  const mark = scratchTop();
  const fed = fedRow(model, member, row);
  const part = bodyOf(model) + member.part;
  const columns = member.columns;
  const own = takeScratch(columns << 3);
  let unit = weight / member.deviation;
  if (member.isForest != 0) {
    const cast = takeScratch(columns << 2);
    castRow(fed, columns, cast);
    memory.fill(own, 0, columns << 3);
    attributeLeaves(forestAt(part), cast, own);
    unit /= forestAt(part).trees as f64;
  } else {
    explainKind(modelAt(part), fed, own);
  }
  for (let k: u32 = 0; k < columns; k++) {
    const contribution = load<f64>(own + (k << 3)) * unit;
    if (!(Math.abs(contribution) < 1e300)) continue;
    if (member.projection != 0) unproject(model, member, k, row, contribution, out);
    else store<f64>(out + (k << 3), load<f64>(out + (k << 3)) + contribution);
  }
  releaseScratch(mark);
}

/** Shares out what the projected column `k` did. */
function unproject(
  model: Model,
  member: Member,
  k: u32,
  row: u32,
  contribution: f64,
  out: u32,
): void {
  const columns = model.columns;
  const body = bodyOf(model);
  const weights = body + member.projection + k * (columns << 3);
  const means = body + meansOffset(suodOf(model).members);
  let sum: f64 = 0;
  for (let c: u32 = 0; c < columns; c++) {
    const at = c << 3;
    sum += Math.abs(load<f64>(weights + at) * (load<f64>(row + at) - load<f64>(means + at)));
  }
  if (!(sum > 0 && sum < Infinity)) return;
  for (let c: u32 = 0; c < columns; c++) {
    const at = c << 3;
    const away = Math.abs(load<f64>(weights + at) * (load<f64>(row + at) - load<f64>(means + at)));
    store<f64>(out + at, load<f64>(out + at) + contribution * (away / sum));
  }
}

export function checkSuod(model: Model): bool {
  if (model.bodyBytes < BODY_HEADER) return false;
  const body = suodOf(model);
  const members = body.members;
  if (members < 1 || members > ESTIMATORS_MAX || body.combination > 1) return false;
  const parts = partsOffset(members, model.columns);
  if (parts > model.bodyBytes) return false;
  for (let i: u32 = 0; i < members; i++) {
    if (!checkMember(model, memberOf(model, i), parts)) return false;
  }
  return true;
}

function checkMember(model: Model, member: Member, parts: u32): bool {
  const columns = member.columns;
  const deviation = member.deviation;
  if (!(deviation > 0 && deviation < Infinity && Math.abs(member.mean) < Infinity)) return false;
  if (member.projection == 0 ? columns != model.columns : columns < 1 || columns > model.columns) {
    return false;
  }
  const projection = projectionBytes(member, model.columns);
  if (member.projection != 0 && !isWithin(model, member.projection, projection, parts))
    return false;
  if (!isWithin(model, member.part, member.bytes as u64, parts)) return false;
  const part = bodyOf(model) + member.part;
  if (member.isForest != 0) return checkForest(part, member.bytes, columns, -f32.MAX_VALUE);
  return isMemberModel(part, member.bytes, columns) && checkKind(modelAt(part));
}

function isWithin(model: Model, offset: u32, bytes: u64, parts: u32): bool {
  if ((offset & 15) != 0 || offset < parts) return false;
  return (offset as u64) + bytes <= (model.bodyBytes as u64);
}

function isMemberModel(address: u32, bytes: u32, columns: u32): bool {
  if (bytes < MODEL_HEADER) return false;
  const model = modelAt(address);
  return (
    model.magic == MODEL_MAGIC &&
    model.format == MODEL_FORMAT &&
    model.bytes == bytes &&
    model.columns == columns &&
    model.kind != KIND_SUOD &&
    model.body == MODEL_HEADER &&
    (MODEL_HEADER as u64) + (model.bodyBytes as u64) <= (bytes as u64)
  );
}
