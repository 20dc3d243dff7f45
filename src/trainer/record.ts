import type { Swap } from "../control/registry.ts";

/** Swaps that are remembered of a detector. */
const SWAPS_MAX = 64;

/** What became of a detector's trainings since it was created or reset. */
export class TrainingRecord {
  trainings = 0;
  /** Of the last one that ended; 0 = none has. */
  lastTrainingMs = 0;
  lastError = "";
  /** Trainings that failed since the last one that did not. */
  failuresInARow = 0;
  readonly swaps: Swap[] = [];

  swapped(swap: Swap): void {
    this.trainings++;
    this.failuresInARow = 0;
    this.swaps.push(swap);
    if (this.swaps.length > SWAPS_MAX) this.swaps.shift();
  }

  /** Whether it is worth a line in the log: the 1st in a row, the 2nd, the 4th, the 8th. */
  failed(why: string): boolean {
    this.lastError = why;
    const count = ++this.failuresInARow;
    return Number.isInteger(Math.log2(count));
  }
}
