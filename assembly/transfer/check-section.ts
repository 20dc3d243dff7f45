/* Whether a section that came is what it must be, and what becomes of its block then. */
import {
  BLOCK_HEADER,
  KIND_MODEL,
  KIND_ROLLING,
  KIND_ROWS,
  KIND_TOTALS,
  KIND_WINDOW,
  roomOf,
} from "../arena";
import { cellOf, MODEL_AT, modelBlockAt, modelIn } from "../cell";
import { Detector, isWindowModel, lagListOf, rollingListOf } from "../detector";
import { adoptFeatures } from "../feature/features";
import { isRollingSound } from "../feature/rolling";
import { Key } from "../key";
import { arePeaksSound, sketchIn } from "../model/fold";
import { checkModel } from "../model/model-check";
import { isWindowSound } from "../model/window";
import { isSketchFit } from "../threshold";
import { fits } from "../ticket";
import { Importing } from "./importing";
import * as parts from "./parts";

/** Gives the key its section. False = it is not sound; then the key is without it. */
export function endSection(detector: Detector, state: Importing, key: Key): bool {
  const section = state.section;
  const block = state.block;
  if (section == parts.SECTION_WINDOW) {
    return isWindowModel(detector) ? endRing(key, block) : endWindow(detector, key, block);
  }
  if (section == parts.SECTION_TOTALS) return endTotals(detector, key, block);
  if (section == parts.SECTION_ROLLING) return endRolling(detector, key, block);
  if (section == parts.SECTION_MODEL) return endModel(detector, state, key);
  return adoptFeatures(detector, key, block, state.bytes);
}

function endRing(key: Key, block: u32): bool {
  store<u32>(block, KIND_ROWS);
  cellOf(key).ring = block;
  return true;
}

function endWindow(detector: Detector, key: Key, block: u32): bool {
  if (!isWindowSound(detector, key.inWindow, block)) return false;
  if (detector.logs != 0) {
    key.windowCapacity = min(detector.window, (roomOf(block) - BLOCK_HEADER) / detector.logStride);
  }
  store<u32>(block, KIND_WINDOW);
  key.window = block;
  return true;
}

function endTotals(detector: Detector, key: Key, block: u32): bool {
  if (!arePeaksSound(detector, block)) return false;
  const byShare = detector.threshold != detector.threshold;
  if (byShare && !isSketchFit(key, sketchIn(detector, block))) return false;
  store<u32>(block, KIND_TOTALS);
  key.totals = block;
  return true;
}

function endRolling(detector: Detector, key: Key, block: u32): bool {
  const windows = detector.rollingCount;
  const lags = detector.lagCount;
  const isSound = isRollingSound(
    block + BLOCK_HEADER,
    detector.features,
    windows,
    rollingListOf(detector),
    lags,
    lagListOf(detector),
  );
  if (!isSound) return false;
  store<u32>(block, KIND_ROLLING);
  cellOf(key).rolling = block;
  return true;
}

function endModel(detector: Detector, state: Importing, key: Key): bool {
  const block = state.block;
  if (checkModel(block + MODEL_AT, state.modelBytes) != 0) return false;
  if (!fits(detector, modelIn(block))) return false;
  const made = modelBlockAt(block);
  made.version = state.version;
  made.slot = detector.slot;
  made.trainedAt = state.trainedAt;
  made.swappedAt = state.swappedAt;
  store<u32>(block, KIND_MODEL);
  key.totals = block;
  return true;
}
