/*
 * The ABI of a shard and nothing else. src/shard/module.ts states what every export means.
 */
import * as control from "./control";
import { detectorDigestOf, keyDigestOf } from "./digest";
import { ABI_VERSION, layoutValueAt } from "./layout";
import { recoverShard } from "./recover";
import { step as stepRegion } from "./step";
import { verifyShard } from "./verify";

export function abiVersion(): u32 {
  return ABI_VERSION;
}

export function initialize(memoryBytes: f64): u32 {
  return control.initialize(memoryBytes);
}

export function createDetector(slot: u32): u32 {
  return control.createDetector(slot);
}

export function resetDetector(slot: u32): u32 {
  return control.resetDetector(slot);
}

export function deleteDetector(slot: u32): u32 {
  return control.deleteDetector(slot);
}

export function step(region: i32): i32 {
  return stepRegion(region);
}

export function recover(region: i32): u32 {
  return recoverShard(region);
}

export function verify(): u32 {
  return verifyShard();
}

export function keyDigest(region: u32, row: u32): u64 {
  return keyDigestOf(region, row);
}

export function detectorDigest(slot: u32): u64 {
  return detectorDigestOf(slot);
}

export function layoutValue(index: u32): f64 {
  return layoutValueAt(index);
}
