/*
 * Memory of one training, in a memory that has no other use: a stack that only grows. A training that cannot go on stops the
 * instance (`fail`) with its reason where the host finds it; nothing it did is kept.
 *
 * Scoring takes what it needs for one row from SCRATCH in the same manner (`takeScratch`), in any memory.
 */
import { PAGE_BYTES, REGION_BASE, SCRATCH_BASE, SCRATCH_FOLD, SCRATCH_FOLD_BYTES } from "../layout";
import { align16 } from "./model";

/** Why a training did not end; src/models/training.ts has the sentences. */
export const FAILED_NO_MEMORY: u32 = 1;
export const FAILED_BAD_TRAINING: u32 = 2;
/** Fewer rows than the kind needs. */
export const FAILED_TOO_FEW_ROWS: u32 = 3;
/** All rows alike, where the kind needs a spread (mcd: a covariance that is not zero). */
export const FAILED_NO_SPREAD: u32 = 4;
/** cblof: the clusters cannot be parted into large and small ones. */
export const FAILED_NO_CLUSTERS: u32 = 5;
/** A value beyond what float64 arithmetic of this kind can hold. */
export const FAILED_OVERFLOW: u32 = 6;

/** Where the reason of a training that stopped is, u32. The page after it is where rows begin. */
export const FAILURE: u32 = SCRATCH_BASE + 8192;
export const WORK_BASE: u32 = REGION_BASE;

let top: u32 = WORK_BASE;
let scratch: u32 = SCRATCH_FOLD;

/** Stops the instance. */
export function fail(reason: u32): void {
  store<u32>(FAILURE, reason);
  unreachable();
}

export function beginWork(from: u32): void {
  top = align16(from);
}

export function workTop(): u32 {
  return top;
}

/** Gives back everything taken since `mark` = workTop(). */
export function releaseWork(mark: u32): void {
  top = mark;
}

/** Bytes at a multiple of 16, not zeroed. Takes u64, so that a product cannot wrap unseen. */
export function work(bytes: u64): u32 {
  const size = (bytes + 15) & ~(15 as u64);
  const end = (top as u64) + size;
  if (end > (memory.size() as u64) * (PAGE_BYTES as u64)) fail(FAILED_NO_MEMORY);
  const address = top;
  top = end as u32;
  return address;
}

export function zeroedWork(bytes: u64): u32 {
  const address = work(bytes);
  memory.fill(address, 0, bytes as u32);
  return address;
}

/** Forgets what earlier rows took. */
export function beginScratch(): void {
  scratch = SCRATCH_FOLD;
}

export function scratchTop(): u32 {
  return scratch;
}

export function releaseScratch(mark: u32): void {
  scratch = mark;
}

/** Memory for scoring one row, at a multiple of 16; 256 KiB in all, which every kind's bounds must fit. */
export function takeScratch(bytes: u32): u32 {
  const address = scratch;
  scratch += align16(bytes);
  if (scratch > SCRATCH_FOLD + SCRATCH_FOLD_BYTES) unreachable();
  return address;
}
