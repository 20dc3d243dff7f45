import type { Detector, WindowModel } from "../domain/detector.ts";
import type { TrainingCopy } from "../shard/window-models.ts";
import type { TrainingRecord } from "./record.ts";

/** A training that is due, with everything it needs. */
export interface DueTraining {
  readonly copy: TrainingCopy;
  readonly detector: Detector;
  readonly model: WindowModel;
  /** Of the detector's life in which the copy was made: a reset starts a new one. */
  readonly record: TrainingRecord;
  /** Rows that the detector had learned when the copy came, over all keys. */
  readonly events: number;
}

/** Rows that a training's cell has learned since it was due. */
export type RowsOverdue = (training: DueTraining) => number;

export interface QueueBounds {
  readonly trainingsMax: number;
  /** Of the rows of all that wait; one alone may be larger. */
  readonly bytesMax: number;
}

/**
 * Trainings that wait, the most overdue first: by rows learned since a training was due, as a share of its retrain_interval. Waiting
 * time breaks ties. Bounded: beyond a bound the least overdue is given up.
 */
export class TrainingQueue {
  /** In the order they came. */
  private waiting: DueTraining[] = [];
  private bytes = 0;
  private readonly bounds: QueueBounds;
  /** What tells, at this instant, the rows that were learned since a training was due. */
  private readonly rowsOverdue: () => RowsOverdue;

  constructor(bounds: QueueBounds, rowsOverdue: () => RowsOverdue) {
    this.bounds = bounds;
    this.rowsOverdue = rowsOverdue;
  }

  get length(): number {
    return this.waiting.length;
  }

  has(detector: Detector): boolean {
    return this.waiting.some((training) => training.detector === detector);
  }

  /** Those that found no room, the new one perhaps among them. */
  add(training: DueTraining): readonly DueTraining[] {
    this.waiting.push(training);
    this.bytes += training.copy.rows.byteLength;
    const givenUp: DueTraining[] = [];
    while (this.isOverfull()) {
      const least = this.extreme(this.waiting.toReversed(), -1);
      if (least === undefined) break;
      this.remove(least);
      givenUp.push(least);
    }
    return givenUp;
  }

  /** The most overdue that may run, taken out. */
  take(mayRun: (training: DueTraining) => boolean): DueTraining | undefined {
    const next = this.extreme(this.waiting.filter(mayRun), 1);
    if (next !== undefined) this.remove(next);
    return next;
  }

  /** Takes out all of a detector, or all there are. */
  clear(detector?: Detector): readonly DueTraining[] {
    const cleared = this.waiting.filter(
      (training) => detector === undefined || training.detector === detector,
    );
    for (const training of cleared) this.remove(training);
    return cleared;
  }

  private isOverfull(): boolean {
    const { trainingsMax, bytesMax } = this.bounds;
    const { length } = this.waiting;
    return length > trainingsMax || (length > 1 && this.bytes > bytesMax);
  }

  /** The first of the most overdue (sign 1) or of the least (sign -1). */
  private extreme(among: readonly DueTraining[], sign: 1 | -1): DueTraining | undefined {
    const rowsOverdue = this.rowsOverdue();
    let best: DueTraining | undefined;
    let most = Number.NEGATIVE_INFINITY;
    for (const training of among) {
      const overdue = (sign * rowsOverdue(training)) / training.model.retrainInterval;
      if (overdue <= most) continue;
      best = training;
      most = overdue;
    }
    return best;
  }

  private remove(training: DueTraining): void {
    this.waiting = this.waiting.filter((other) => other !== training);
    this.bytes -= training.copy.rows.byteLength;
  }
}
