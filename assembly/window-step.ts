/*
 * A row of a window model, once its key is known: what is derived from it is added, the model of the key's cell scores it, and
 * then it joins the window. The model was trained before the row came, so a row never knows itself.
 *
 * Rolling features and lags are those of the rows that the cell has learned, whether or not they entered the window. A row counts
 * as flagged when its score is over the threshold, in burn-in too.
 */
import { BLOCK_HEADER } from "./arena";
import { appendRow, cellOf, modelIn, showCell, stateOf, versionOf } from "./cell";
import { Detector } from "./detector";
import { rollingNext } from "./feature/rolling";
import { rememberVerdict } from "./ids";
import { Key, keyAt } from "./key";
import * as layout from "./layout";
import { Output, Row, slotAt } from "./layout";
import { normalize } from "./model/calibration";
import { fillsOf } from "./model/model";
import { explainScore, rawScore } from "./model/score";
import { Pending } from "./pending";
import { trainIfDue } from "./ticket";

/** Scores and learns a row, and gives it its verdict at once. `values` are those of the model's inputs. */
export function meetCell(detector: Detector, pending: Pending, values: u32): void {
  const row = changetype<Row>(pending.row);
  const output = changetype<Output>(pending.output);
  output.score = NaN;
  output.raw = 0;
  output.threshold = detector.threshold;
  output.state = layout.STATE_COLLECTING as u8;
  output.anomaly = 0;
  output.replayed = 0;
  output.source = layout.SOURCE_MODEL as u8;
  output.modelVersion = 0;
  output.rule = -1;
  output.status = layout.OK;
  output.systemAction = ((row.flags as u32) & layout.FLAG_SYSTEM_ACTION) as u8;
  if (pending.key != 0) {
    const key = keyAt(pending.key);
    const learns = pending.learns != 0;
    const derived = derive(detector, key, values, learns);
    const score = scoreRow(detector, pending, values, derived);
    if (learns) learn(detector, key, derived, score > detector.threshold);
  }
  rememberVerdict(detector, pending.idPosition, output);
}

/** Address of the row as the model sees it. A row that learns joins the rolling state. */
function derive(detector: Detector, key: Key, values: u32, learns: bool): u32 {
  const cell = cellOf(key);
  if (cell.rolling == 0 || (!learns && key.totals == 0)) return values;
  rollingNext(cell.rolling + BLOCK_HEADER, values, layout.SCRATCH_ROW, learns);
  return layout.SCRATCH_ROW;
}

/** Fills in the verdict of a cell's model. The score, NaN where nobody needs it. */
function scoreRow(detector: Detector, pending: Pending, values: u32, derived: u32): f64 {
  const row = changetype<Row>(pending.row);
  const output = changetype<Output>(pending.output);
  const key = keyAt(pending.key);
  const op = row.op as u32;
  const state = stateOf(detector, key);
  output.state = state as u8;
  output.modelVersion = versionOf(key);
  const asks = op != layout.OP_LEARN_ONLY;
  if (key.totals == 0 || (!asks && detector.dropsFlagged == 0)) return NaN;
  const model = modelIn(key.totals);
  const raw = rawScore(model, derived);
  const score = normalize(model, raw, detector.normalization);
  if (!asks) return score;
  output.score = score;
  output.raw = raw;
  const alerts = state >= layout.STATE_READY && output.systemAction == 0;
  if (alerts && score > detector.threshold) {
    output.anomaly = 1;
    if (op != layout.OP_SCORE_ONLY) slotAt(detector.slot).anomalies += 1;
  }
  if (((row.flags as u32) & layout.FLAG_EXPLAIN) != 0) explain(detector, key, derived, values);
  return score;
}

function learn(detector: Detector, key: Key, derived: u32, flagged: bool): void {
  slotAt(detector.slot).eventsLearned += 1;
  key.learned += 1;
  if (!flagged || detector.dropsFlagged == 0) appendRow(detector, key, derived);
  trainIfDue(detector, key);
  showCell(detector, key);
}

/**
 * Writes where a row's explanation goes, by input: the contributions, each with those of what is derived from the input; what is expected, the
 * median that stands in for a missing value; and the baseline. Contributions sum to score - baseline.
 */
function explain(detector: Detector, key: Key, derived: u32, values: u32): void {
  const features = detector.features;
  const model = modelIn(key.totals);
  const contributions = values + detector.explainAt;
  const expected = contributions + (features << 3);
  const parts = layout.SCRATCH_CONTRIBUTIONS;
  const baseline = explainScore(model, derived, detector.normalization, parts);
  const each: u32 = 4 * detector.rollingCount + detector.lagCount;
  let part = parts + (features << 3);
  for (let f: u32 = 0; f < features; f++) {
    let sum = load<f64>(parts + (f << 3));
    for (let i: u32 = 0; i < each; i++) {
      sum += load<f64>(part);
      part += 8;
    }
    store<f64>(contributions + (f << 3), sum);
    store<f64>(expected + (f << 3), load<f64>(fillsOf(model) + (f << 3)));
  }
  store<f64>(expected + (features << 3), baseline);
}
