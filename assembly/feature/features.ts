/*
 * The derived features of a key, as the rest of the kernel sees them: what time a row is of, memory for one more event, and the numbers.
 */
import { BLOCK_HEADER } from "../arena";
import { Detector, releaseFor } from "../detector";
import { Key } from "../key";
import { Row } from "../layout";
import { ON_TIME } from "./program";

/** Whether a row comes late or from the future, and what its policy makes of that. A pure function of the key, the heartbeat and the row. */
export function timelinessOf(detector: Detector, key: u32, row: Row): u32 {
  return ON_TIME;
}

/**
 * Memory for one more event, which is `row` with its values. A window that its log no longer covers becomes panes here. False = the arena
 * is full: nothing has changed, and the caller may make room and try again.
 */
export function reserveFeatures(detector: Detector, key: Key, row: Row, timeliness: u32): bool {
  return true;
}

/** A learned row joins the windows of its key; its features and their default bits are written after its sources. Needs reserveFeatures. */
export function placeFeatures(
  detector: Detector,
  key: u32,
  row: Row,
  values: u32,
  timeliness: u32,
): void {}

/** The features of a row as if it came; nothing changes. `key` 0 = unknown. */
export function peekFeatures(detector: Detector, key: u32, row: Row, values: u32): void {}

/** The features of a key as if nothing came at that time. READ_* bits. */
export function readFeatures(detector: Detector, key: u32, timeMs: f64, values: u32): u32 {
  return 0;
}

/** Moves the watermark of a detector's quiet keys. */
export function heartbeat(detector: Detector, timeMs: f64): void {}

/** Gives a key's state back, 0 = it had none. Its block tells whether it was in panes. */
export function releaseFeatures(slot: u32, block: u32): void {
  releaseFor(slot, block);
}

/** Whether a key's state is one that this kernel could have made. Reads nothing outside of it, whatever it holds. */
export function areFeaturesSound(detector: Detector, key: Key): bool {
  return true;
}

/** Of everything that the next features depend on. */
export function digestFeatures(detector: Detector, key: Key, seed: u64): u64 {
  return seed;
}

/** Whether a window of the state is made of panes: what Slot.keysInPanes counts. */
export function isInPanes(block: u32): bool {
  return block != 0 && load<u32>(block, BLOCK_HEADER) != 0;
}
