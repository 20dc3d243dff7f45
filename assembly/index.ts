/*
 * The ABI and nothing else. src/shard/module.ts and src/models/module.ts state what every export means.
 */
import * as control from "./control";
import { detectorDigestOf, keyDigestOf } from "./digest";
import { deriveTable as deriveTableAt } from "./feature/derive";
import { nextKeyOf } from "./key-walk";
import { ABI_VERSION, TRANSFER_BASE } from "./layout";
import { layoutValueAt } from "./layout-values";
import { thresholdOf } from "./model/calibration";
import { modelAt } from "./model/model";
import { checkModel as checkModelAt } from "./model/model-check";
import { explainScore, scoreRows } from "./model/score";
import { train, trainingScoresOf } from "./model/training";
import { recoverShard } from "./recover";
import { swapPositionOf, takenAfter } from "./ticket";
import { step as stepRegion } from "./step";
import { exportPart } from "./transfer/export-state";
import { PART_BYTES_MAX } from "./transfer/parts";
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

export function configureDetector(slot: u32): u32 {
  return control.configureDetector(slot);
}

export function resize(memoryBytes: f64): u32 {
  return control.resize(memoryBytes);
}

export function transferAddress(): u32 {
  return TRANSFER_BASE;
}

export function transferBytes(): u32 {
  return PART_BYTES_MAX;
}

export function exportState(slot: u32, start: u32): u32 {
  return exportPart(slot, start);
}

export function importState(slot: u32, bytes: u32): u32 {
  return control.importState(slot, bytes);
}

export function nextKey(slot: u32, after: u32): u32 {
  return nextKeyOf(slot, after);
}

export function idSequence(slot: u32): f64 {
  return control.idSequence(slot);
}

export function takenTraining(after: f64): f64 {
  return takenAfter(after);
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

export function takeTraining(): u32 {
  return control.takeTraining();
}

export function releaseRows(handle: f64): void {
  control.releaseRows(handle);
}

export function placeModel(handle: f64, bytes: u32): u32 {
  return control.placeModel(handle, bytes);
}

export function swapModel(handle: f64, model: u32): u32 {
  return control.swapModel(handle, model);
}

export function swapPosition(): f64 {
  return swapPositionOf();
}

export function dropTraining(handle: f64, failed: u32): u32 {
  return control.dropTraining(handle, failed);
}

export function findModel(slot: u32, hashLo: u32, hashHi: u32): u32 {
  return control.findModel(slot, hashLo, hashHi);
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

export function trainModel(): u32 {
  return train();
}

export function deriveTable(): u32 {
  return deriveTableAt();
}

export function trainingScores(): u32 {
  return trainingScoresOf();
}

export function checkModel(address: u32, bytes: u32): u32 {
  return checkModelAt(address, bytes);
}

export function scoreModel(
  model: u32,
  rows: u32,
  count: u32,
  normalization: u32,
  raws: u32,
  scores: u32,
): void {
  scoreRows(modelAt(model), rows, count, normalization, raws, scores);
}

export function modelThreshold(model: u32, normalization: u32): f64 {
  return thresholdOf(modelAt(model), normalization);
}

export function explainModel(model: u32, row: u32, normalization: u32, out: u32): f64 {
  return explainScore(modelAt(model), row, normalization, out);
}
