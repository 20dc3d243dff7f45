/*
 * Rows that have met their key's model and still wait for their verdict. A score needs one load a tree from all over the
 * memory; with the rows of a block waiting together, these loads overlap. Verdicts are made in row order, and before anything
 * happens that would change them: a window's fold, the end of a key, a look at a verdict that is remembered.
 */
import { Detector } from "./detector";
import { rememberVerdict } from "./ids";
import { keyAt } from "./key";
import * as layout from "./layout";
import { Output, root, Row, slotAt } from "./layout";
import { sketchIn } from "./model/fold";
import { scoreOf } from "./model/half-space-trees";
import { countOf, insertScore, quantile } from "./threshold";

@unmanaged
export class Pending {
  detector: u32; // 0
  key: u32; // 4, 0 = no key: COLLECTING
  row: u32; // 8
  output: u32; // 12
  scores: u32; // 16, 1 = its leaves follow
  learns: u32; // 20
  state: u32; // 24
  totals: u32; // 28, of the key
  idPosition: u64; // 32
  value: f64; // 40, the model's score
}

export const PENDING_ROWS_MAX: u32 = 16;
const PENDING_SHIFT: u32 = 10;
const LEAVES: u32 = 64;

function pendingAt(index: u32): Pending {
  assert(index < PENDING_ROWS_MAX, "one a row of the block");
  return changetype<Pending>(layout.SCRATCH_PENDING + (index << PENDING_SHIFT));
}

/** Where `walkRow` puts a pending row's leaves. */
export function leavesOf(pending: Pending): u32 {
  return changetype<u32>(pending) + LEAVES;
}

/** Rows that wait for their verdict: of the block in progress alone, so 0 whenever a step begins or ends. */
let waiting: u32 = 0;

export function beginPending(): void {
  waiting = 0;
}

/** Where the next row goes that waits. */
export function nextPending(): Pending {
  return pendingAt(waiting);
}

/** The row at `nextPending` waits. */
export function addPending(): void {
  waiting++;
}

/** Gives all rows that wait their verdicts. */
export function flush(): void {
  finish(waiting);
  waiting = 0;
}

/** Gives the first `count` pending rows their verdicts, in order. All loads of a kind come before the next, so they overlap. */
function finish(count: u32): void {
  let sink: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const pending = pendingAt(i);
    if (pending.scores == 0) continue;
    const detector = changetype<Detector>(pending.detector);
    pending.value = scoreOf(detector, pending.totals, leavesOf(pending));
  }
  for (let i: u32 = 0; i < count; i++) sink ^= loadSketch(pendingAt(i));
  root().sink = sink;
  for (let i: u32 = 0; i < count; i++) finishRow(pendingAt(i));
}

/** Has the counter that a row's score will raise in cache. */
function loadSketch(pending: Pending): u32 {
  const detector = changetype<Detector>(pending.detector);
  if (pending.scores == 0 || detector.threshold == detector.threshold) return 0;
  return countOf(sketchIn(detector, pending.totals), pending.value);
}

function finishRow(pending: Pending): void {
  const detector = changetype<Detector>(pending.detector);
  const row = changetype<Row>(pending.row);
  const output = changetype<Output>(pending.output);
  const fixed = detector.threshold;
  const byShare = fixed != fixed;
  const isSystemAction = (row.flags as u32) & layout.FLAG_SYSTEM_ACTION;
  let threshold = byShare ? 1.0 : fixed;
  let score: f64 = NaN;
  let raw: f64 = 0;
  let anomaly: u32 = 0;
  if (pending.scores != 0) {
    const value = pending.value;
    if (byShare) {
      const key = keyAt(pending.key);
      threshold = quantile(key, detector.alertShare);
      if (pending.learns != 0)
        insertScore(key, sketchIn(detector, pending.totals), detector.alertShare, value);
    }
    if ((row.op as u32) != layout.OP_LEARN_ONLY) {
      score = value;
      raw = value;
      if (value > threshold && pending.state == layout.STATE_READY && isSystemAction == 0)
        anomaly = 1;
    }
  }
  output.score = score;
  output.raw = raw;
  output.threshold = threshold;
  output.state = pending.state as u8;
  output.anomaly = anomaly as u8;
  output.replayed = 0;
  output.source = layout.SOURCE_MODEL as u8;
  output.modelVersion = layout.MODEL_VERSION;
  output.rule = -1;
  output.status = layout.OK;
  output.systemAction = isSystemAction as u8;
  if (anomaly != 0 && (row.op as u32) != layout.OP_SCORE_ONLY) slotAt(detector.slot).anomalies += 1;
  rememberVerdict(detector, pending.idPosition, output);
}
