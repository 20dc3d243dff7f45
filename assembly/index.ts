/*
 * The ABI of a shard and nothing else. src/shard/module.ts states what every export means.
 */
import * as layout from "./layout";

export function abiVersion(): u32 {
  return layout.ABI_VERSION;
}

export function initialize(memoryBytes: f64): u32 {
  const root = layout.root();
  root.memoryBytes = memoryBytes;
  root.abiVersion = layout.ABI_VERSION;
  root.magic = layout.MAGIC;
  return layout.OK;
}

export function createDetector(slot: u32): u32 {
  return layout.OK;
}

export function resetDetector(slot: u32): u32 {
  return layout.OK;
}

export function deleteDetector(slot: u32): u32 {
  return layout.OK;
}

export function step(region: i32): i32 {
  const base = layout.regionAt(region as u32);
  const rows = load<u32>(base);
  for (let i: u32 = 0; i < rows; i++) {
    const output = changetype<layout.Output>(
      base + layout.REGION_OUTPUTS + i * layout.OUTPUT_BYTES,
    );
    output.score = NaN;
    output.raw = 0;
    output.threshold = 1;
    output.state = layout.STATE_COLLECTING as u8;
    output.anomaly = 0;
    output.replayed = 0;
    output.source = layout.SOURCE_MODEL as u8;
    output.modelVersion = layout.MODEL_VERSION;
    output.rule = -1;
    output.status = layout.OK;
    output.systemAction = 0;
  }
  return rows as i32;
}

export function recover(region: i32): u32 {
  return 0;
}

export function verify(): u32 {
  return 0;
}

export function keyDigest(region: u32, row: u32): u64 {
  return 0;
}

export function detectorDigest(slot: u32): u64 {
  return 0;
}

export function layoutValue(index: u32): f64 {
  return layout.layoutValueAt(index);
}
