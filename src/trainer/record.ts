import type { Swap } from "../control/registry.ts";

/** Swaps that are remembered of a detector. */
const SWAPS_MAX = 64;

/** What became of a detector's trainings since it was created or reset. */
export class TrainingRecord {
  trainings = 0;
  /** Of the last one that ended; 0 = none has. */
  lastTrainingMs = 0;
  lastError = "";
  readonly swaps: Swap[] = [];

  swapped(swap: Swap): void {
    this.trainings++;
    this.swaps.push(swap);
    if (this.swaps.length > SWAPS_MAX) this.swaps.shift();
  }
}
