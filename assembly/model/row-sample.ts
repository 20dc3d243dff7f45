/* The rows that a kind trains on where all would take too long: a seeded sample without replacement. */
import { sampleWithout } from "../rng";
import { rowOf, Training } from "./training";
import { work } from "./work";

/** Lies in work memory. */
@unmanaged
export class RowSample {
  count: u32; // 0
  /** Row-major; the training's own where the sample is all of them. */
  rows: u32; // 4
  /** u32s, ascending: which rows of the training they are. */
  indices: u32; // 8
  reserved: u32;
}

/** `bound` rows of the training, or all where there are no more; draws random numbers only when it has to. */
export function sampleRows(training: Training, bound: u32): RowSample {
  const sample = changetype<RowSample>(work(offsetof<RowSample>()));
  const count = min(training.count, bound);
  sample.count = count;
  sample.indices = work((count as u64) << 2);
  if (count == training.count) {
    sample.rows = training.rows;
    for (let i: u32 = 0; i < count; i++) store<u32>(sample.indices + (i << 2), i);
    return sample;
  }
  sampleWithout(count, training.count, sample.indices);
  const bytes = training.columns << 3;
  sample.rows = work((count as u64) * (bytes as u64));
  for (let i: u32 = 0; i < count; i++) {
    memory.copy(sample.rows + i * bytes, rowOf(training, sampledRow(sample, i)), bytes);
  }
  return sample;
}

/** Which row of the training the sample's `index`th is. */
export function sampledRow(sample: RowSample, index: u32): u32 {
  return load<u32>(sample.indices + (index << 2));
}
