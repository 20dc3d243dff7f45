/*
 * What of a detector's configuration its state depends on, and the rest of it, which may change under the state.
 *
 * Depends: inputs, trees, height, window, seed, scaler, model, rolling features and lags, column order and limits, feature program, and whether
 * the threshold is a quantile (then totals have a sketch). A window of rows may grow, and never shrinks.
 */
import { showCell } from "./cell";
import {
  describe,
  Detector,
  detectorOf,
  isWindowModel,
  limitsOf,
  limitsBytes,
  partitionOf,
  rollingListOf,
} from "./detector";
import { programBytes, programIn } from "./feature/program";
import { finish, hashBytes, mix } from "./hash";
import { forgetIds } from "./ids";
import { hasModel, Key, keyAt } from "./key";
import { capacityOf, entryAt } from "./key-table";
import * as layout from "./layout";
import { slotAt } from "./layout";
import { sketchIn } from "./model/fold";
import { settle } from "./threshold";

/** Hash of all that state depends on: detectors in whatever memory that agree in it can have each other's. */
export function structureHash(detector: Detector, seed: u64): u64 {
  let h = mix(seed, ((detector.modelKind as u64) << 32) | (detector.features as u64));
  h = mix(h, ((detector.rollingCount as u64) << 32) | (detector.lagCount as u64));
  h = hashBytes(h, rollingListOf(detector), (layout.ROLLING_MAX + layout.LAGS_MAX) << 2);
  if (!isWindowModel(detector)) {
    h = mix(h, ((detector.trees as u64) << 32) | (detector.height as u64));
    h = mix(h, ((detector.window as u64) << 32) | (detector.scaler as u64));
    h = mix(h, ((detector.seedHi as u64) << 32) | (detector.seedLo as u64));
    h = mix(h, detector.threshold == detector.threshold ? 1 : 0);
    h = hashBytes(h, limitsOf(detector), limitsBytes());
  }
  if (detector.program != 0) {
    const program = programIn(detector.program);
    h = hashBytes(h, changetype<u32>(program), programBytes(program));
  }
  return finish(h);
}

/** Gives a detector the rest of what CONTROL describes. Status; BAD_CONFIG where its state would not be that of such a detector. */
export function configure(slot: u32): u32 {
  const detector = detectorOf(slot);
  if (changetype<u32>(detector) == 0) return layout.UNKNOWN_DETECTOR;
  const wanted = describe();
  if (changetype<u32>(wanted) == 0 || wanted.windowRows < detector.windowRows) {
    return layout.BAD_CONFIG;
  }
  for (let seed: u64 = 0; seed < 2; seed++) {
    if (structureHash(wanted, seed) != structureHash(detector, seed)) return layout.BAD_CONFIG;
  }
  detector.burnIn = wanted.burnIn;
  detector.threshold = wanted.threshold;
  detector.alertShare = wanted.alertShare;
  detector.keysPerPartition = wanted.keysPerPartition;
  detector.refuses = wanted.refuses;
  detector.keyTtlMs = wanted.keyTtlMs;
  detector.idsMax = wanted.idsMax;
  detector.learnsSystemActions = wanted.learnsSystemActions;
  detector.windowRows = wanted.windowRows;
  detector.minSamples = wanted.minSamples;
  detector.retrainInterval = wanted.retrainInterval;
  detector.normalization = wanted.normalization;
  detector.dropsFlagged = wanted.dropsFlagged;
  // More ids than are kept leave at the next one; where none are kept, there is no next one.
  if (detector.idsMax == 0) {
    forgetIds(detector);
    slotAt(slot).idsRemembered = 0;
  }
  settleKeys(detector);
  return layout.OK;
}

/** What keys show or hold that follows from their detector's settings. */
function settleKeys(detector: Detector): void {
  if (detector.cellKey != 0) showCell(detector, keyAt(detector.cellKey));
  for (let p: u32 = 0; p < layout.PARTITIONS; p++) {
    const table = partitionOf(detector, p).table;
    if (table == 0) continue;
    const capacity = capacityOf(table);
    for (let i: u32 = 0; i < capacity; i++) {
      const key = entryAt(table, i).key;
      if (key != 0) settleKey(detector, keyAt(key));
    }
  }
}

/** The quantile of a key's scores is that of the detector's share; the host is shown how far the cell of the key "" is. */
export function settleKey(detector: Detector, key: Key): void {
  if (!hasModel(detector, key)) return;
  if (isWindowModel(detector)) return showCell(detector, key);
  const byShare = detector.threshold != detector.threshold;
  if (!byShare || key.learned < (detector.window as f64)) return;
  const rank = detector.alertShare * (key.sketchTotal as f64);
  settle(key, sketchIn(detector, key.totals), rank);
}
