/* The outputs of rows that meet no model: refused, seen before, or told of a fallback's verdict. */
import { Detector } from "./detector";
import { findId, Remembered, rememberId, rememberVerdict, replayVerdict, setVerdict } from "./ids";
import * as layout from "./layout";
import { Output, Row, slotAt } from "./layout";
import { flush } from "./pending";

export function valuesOf(row: Row, base: u32): u32 {
  return base + layout.REGION_VALUES + (row.valuesOffset << 3);
}

/** All but `timeliness`, which the row has already. */
export function refuse(output: Output, status: u32): void {
  output.score = NaN;
  output.raw = 0;
  output.threshold = 1;
  output.state = layout.STATE_COLLECTING as u8;
  output.anomaly = 0;
  output.replayed = 0;
  output.source = layout.SOURCE_MODEL as u8;
  output.modelVersion = layout.MODEL_VERSION;
  output.rule = -1;
  output.status = status;
  output.systemAction = 0;
}

/** There was no room for the row's key. */
export function refuseRow(detector: Detector, output: Output, status: u32): void {
  slotAt(detector.slot).rowsRefused += 1;
  refuse(output, status);
}

/** Answers a row whose id is remembered. */
export function replay(detector: Detector, row: Row, base: u32, output: Output): bool {
  const found = findId(detector, row, base + layout.REGION_TEXT);
  if (found == 0) return false;
  flush();
  replayVerdict(changetype<Remembered>(found), output);
  output.status = layout.OK;
  return true;
}

/** The verdict that a fallback gave a row with this id is the one to repeat. */
export function amend(detector: Detector, row: Row, base: u32, output: Output): void {
  flush();
  const values = valuesOf(row, base);
  const packed = load<f64>(values, 24) as u32;
  refuse(output, layout.OK);
  output.score = load<f64>(values);
  output.raw = load<f64>(values, 8);
  output.threshold = load<f64>(values, 16);
  output.state = packed as u8;
  output.anomaly = (packed >> 8) as u8;
  output.source = (packed >> 16) as u8;
  output.systemAction = (packed >> 24) as u8;
  output.rule = load<f64>(values, 32) as i32;
  output.modelVersion = load<f64>(values, 40) as u32;
  const text = base + layout.REGION_TEXT;
  const found = findId(detector, row, text);
  if (found != 0) setVerdict(changetype<Remembered>(found), output);
  else rememberVerdict(detector, rememberId(detector, row.sequence), output);
}
