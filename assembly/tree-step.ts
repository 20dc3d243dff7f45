/* A row of Half-Space Trees, once its key is known: explained, scaled, walked and learned. Its verdict waits (pending.ts). */
import { Detector } from "./detector";
import { Key } from "./key";
import * as layout from "./layout";
import { Row, slotAt } from "./layout";
import { explainRow } from "./model/explain";
import { foldWindow } from "./model/fold";
import { walkRow } from "./model/half-space-trees";
import { addPending, flush, leavesOf, Pending } from "./pending";
import { HAS_GAPS, LEARNS, scaleRow, SCORES } from "./scale/scale";

/** A row whose key has no trees yet. */
export function meetNothing(pending: Pending): void {
  pending.scores = 0;
  pending.state = layout.STATE_COLLECTING;
  addPending();
}

/** Scores and learns a row of a key. `values` are those of the model's columns; `gaps`: HAS_GAPS or 0. */
export function meetTrees(
  detector: Detector,
  key: Key,
  pending: Pending,
  values: u32,
  gaps: u32,
): void {
  const row = changetype<Row>(pending.row);
  const window = detector.window;
  const learned = key.learned;
  const scores = learned >= (window as f64);
  if (!scores) pending.state = layout.STATE_COLLECTING;
  else if (learned < (window as f64) + detector.burnIn) pending.state = layout.STATE_BURN_IN;
  else pending.state = layout.STATE_READY;
  pending.scores = scores ? 1 : 0;
  pending.totals = key.totals;
  const uses: u32 = gaps | (scores ? SCORES : 0) | (pending.learns != 0 ? LEARNS : 0);
  const leaves = leavesOf(pending);
  const explains =
    ((row.flags as u32) & layout.FLAG_EXPLAIN) != 0 && (row.op as u32) != layout.OP_LEARN_ONLY;
  if (scores && explains) {
    scaleRow(detector, key, values, gaps | SCORES);
    walkRow(detector, key, gaps | SCORES, leaves);
    explainRow(detector, key, leaves, values, values + detector.explainAt);
  }
  if ((uses & (SCORES | LEARNS)) != 0) {
    scaleRow(detector, key, values, uses);
    walkRow(detector, key, uses, leaves);
  }
  addPending();
  if (pending.learns == 0) return;
  slotAt(detector.slot).eventsLearned += 1;
  key.learned = learned + 1;
  key.inWindow += 1;
  if (key.inWindow == window) {
    flush();
    foldWindow(detector, key);
  }
}
