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
  /** Rows learned since the training was due. */
  private readonly rowsOverdue: (training: DueTraining) => number;

  constructor(bounds: QueueBounds, rowsOverdue: (training: DueTraining) => number) {
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
      const least = this.byOverdue().at(-1);
      if (least === undefined) break;
      this.remove(least);
      givenUp.push(least);
    }
    return givenUp;
  }

  /** The most overdue that may run, taken out. */
  take(mayRun: (training: DueTraining) => boolean): DueTraining | undefined {
    const next = this.byOverdue().find(mayRun);
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

  /** The most overdue first; the sort is stable, so the longest wait comes first among equals. */
  private byOverdue(): DueTraining[] {
    const overdue = new Map(
      this.waiting.map((training) => [
        training,
        this.rowsOverdue(training) / training.model.retrainInterval,
      ]),
    );
    return this.waiting.toSorted((a, b) => (overdue.get(b) ?? 0) - (overdue.get(a) ?? 0));
  }

  private remove(training: DueTraining): void {
    this.waiting = this.waiting.filter((other) => other !== training);
    this.bytes -= training.copy.rows.byteLength;
  }
}
