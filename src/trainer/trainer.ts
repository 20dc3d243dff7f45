import { setImmediate } from "node:timers/promises";
import type { TrainingState, TrainingStatus } from "../control/registry.ts";
import type { Clock } from "../domain/clock.ts";
import { isWindowModel } from "../domain/detector.ts";
import type { Detector, WindowModel } from "../domain/detector.ts";
import { State } from "../domain/verdict.ts";
import { TrainerDied } from "../models/pool.ts";
import type { ModelPool } from "../models/pool.ts";
import type { DetectorCounters } from "../shard/counters.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { CellStatus, TrainingCopy } from "../shard/window-models.ts";
import type { Telemetry, TrainingOutcome } from "../telemetry/telemetry.ts";
import { TrainingQueue } from "./queue.ts";
import type { DueTraining, QueueBounds, RowsOverdue } from "./queue.ts";
import { TrainingRecord } from "./record.ts";

interface TrainerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface TrainerOptions {
  readonly shards: Pick<ShardSet, "windowModels" | "counters">;
  readonly pool: Pick<ModelPool, "train">;
  /** Trainings at a time: as many as the pool has threads. */
  readonly threads: number;
  readonly bounds: QueueBounds;
  /** The detector that has a slot now. */
  readonly detectorAt: (slot: number) => Detector | undefined;
  readonly telemetry: Pick<Telemetry, "detector">;
  readonly clock: Clock;
  readonly log: TrainerLog;
}

/** Windows taken out of a shard in one go: the shard's rows wait while they are copied. */
const TAKE_MAX = 4;

/** How a training ended, and what to tell of it. */
interface End {
  readonly outcome: TrainingOutcome;
  /** Why there is no new model; "" = there is, or nobody needs it any more. */
  readonly why: string;
}

/**
 * Trains the models of all window models behind the stream: takes the windows that are due out of the shards, has them trained one at a
 * time a detector, the most overdue first, and swaps the models in between two batches. A training that fails, or is given up, changes
 * nothing in a shard but when the next one is due.
 */
export class Trainer {
  private readonly options: TrainerOptions;
  private readonly queue: TrainingQueue;
  private readonly running = new Set<Detector>();
  private readonly records = new WeakMap<Detector, TrainingRecord>();
  /** Indices of shards whose windows are being taken. */
  private readonly taking = new Set<number>();
  /** Called, once, when something changed. */
  private watchers: (() => void)[] = [];
  private full = false;
  private closed = false;

  constructor(options: TrainerOptions) {
    this.options = options;
    this.queue = new TrainingQueue(options.bounds, () => this.rowsOverdue());
    options.shards.windowModels.onTrainingDue = (shard) => {
      if (!this.closed && !this.taking.has(shard)) void this.take(shard);
    };
  }

  /** Trainings that wait or run. */
  get queued(): number {
    return this.queue.length + this.running.size;
  }

  /** Undefined = the detector's model learns in place. */
  statusOf(
    detector: Detector,
  ): { readonly training: TrainingStatus; readonly lastError: string } | undefined {
    const { model } = detector.config;
    if (!isWindowModel(model)) return undefined;
    const { windowModels } = this.options.shards;
    const { trainings, lastTrainingMs, swaps, lastError } = this.recordOf(detector);
    const { failed, withoutMemory } = windowModels.counters(detector.slot);
    const cell =
      model.scope === "key"
        ? keysProgress(trainings, this.running.has(detector))
        : cellProgress(model, windowModels.cellOf(detector.slot));
    return {
      training: { ...cell, trainings, failures: failed, lastTrainingMs, swaps: [...swaps] },
      lastError: lastError === "" && withoutMemory > 0 ? NO_MEMORY : lastError,
    };
  }

  /** Versions are counted a window: of windows that are each key's own, the newest that was swapped in lately. */
  versionOf(detector: Detector): number {
    const { model } = detector.config;
    if (!isWindowModel(model)) return 1;
    if (model.scope === "detector") {
      return this.options.shards.windowModels.cellOf(detector.slot)?.version ?? 0;
    }
    return Math.max(0, ...this.recordOf(detector).swaps.map(({ version }) => version));
  }

  /**
   * Resolves when the first training of a detector, if it is due or runs, has been swapped in ("trained") or has failed; with "none" as
   * soon as none is due, and with "trained" when the detector has a model. Only of windows that are the detector's own.
   */
  async whenTrained(detector: Detector): Promise<"trained" | "failed" | "none"> {
    const { windowModels } = this.options.shards;
    // The batch that made it due says so when all its rows have been answered.
    await setImmediate();
    const before = windowModels.counters(detector.slot).failed;
    while (!this.closed) {
      if ((windowModels.cellOf(detector.slot)?.version ?? 0) > 0) return "trained";
      if (windowModels.counters(detector.slot).failed > before) return "failed";
      if (!this.concerns(detector)) return "none";
      await this.change();
    }
    return "none";
  }

  /** Resolves when nothing is due, waits or runs. */
  async idle(): Promise<void> {
    await setImmediate();
    while (!this.closed && this.queued + this.taking.size > 0) await this.change();
  }

  /**
   * The detector is about to be reset or removed: what waits for it is dropped, what runs comes to nothing, and its record is clean. Must
   * be called in the same turn of the event loop as the shards' change, before it: then no model of the old life is swapped in after it.
   */
  forget(detector: Detector): void {
    for (const training of this.queue.clear(detector)) void this.drop(training.copy, false);
    this.records.delete(detector);
    this.changed();
  }

  /** Another object stands for the same detector. */
  rename(before: Detector, now: Detector): void {
    const record = this.records.get(before);
    if (record !== undefined) this.records.set(now, record);
  }

  /** Takes no more trainings; what runs comes to nothing. The pool's threads are its owner's to end. */
  close(): void {
    this.closed = true;
    this.options.shards.windowModels.onTrainingDue = undefined;
    this.queue.clear();
    this.changed();
  }

  private async take(shard: number): Promise<void> {
    this.taking.add(shard);
    try {
      for (;;) {
        const copies = await this.options.shards.windowModels.takeTrainings(shard, TAKE_MAX);
        for (const copy of copies) this.add(copy);
        if (copies.length < TAKE_MAX) break;
      }
    } catch (error) {
      if (!this.closed) this.options.log.error({ err: error, shard }, "windows were not taken");
    } finally {
      this.taking.delete(shard);
      this.changed();
    }
  }

  private add(copy: TrainingCopy): void {
    const detector = this.options.detectorAt(copy.slot);
    const model = detector?.config.model;
    if (this.closed || detector === undefined || model === undefined || !isWindowModel(model)) {
      void this.drop(copy, false);
      return;
    }
    const record = this.recordOf(detector);
    const events = this.options.shards.counters(copy.slot).events;
    const givenUp = this.queue.add({ copy, detector, model, record, events });
    for (const training of givenUp) this.giveUp(training);
    this.next();
  }

  private giveUp({ copy, detector }: DueTraining): void {
    this.options.telemetry.detector(detector.name).trainingEnded("given_up", 0);
    if (!this.full) {
      const queued = this.queue.length;
      this.options.log.warn(
        { detector: detector.name, queued },
        "more trainings are due than wait: the least overdue are given up; add trainer_threads or raise retrain_interval",
      );
    }
    this.full = true;
    void this.drop(copy, false);
  }

  private next(): void {
    while (!this.closed && this.running.size < this.options.threads) {
      const training = this.queue.take(({ detector }) => !this.running.has(detector));
      if (training === undefined) break;
      this.running.add(training.detector);
      void this.run(training);
    }
    if (this.queue.length === 0) this.full = false;
  }

  private async run(training: DueTraining): Promise<void> {
    const { detector, record } = training;
    const { clock, telemetry, log } = this.options;
    const meter = telemetry.detector(detector.name);
    const startedAt = clock.now();
    meter.trainingStarted();
    const { outcome, why } = await this.train(training);
    const ms = clock.now() - startedAt;
    if (!this.closed) {
      meter.trainingEnded(outcome, ms / 1000);
      if (outcome !== "gone") record.lastTrainingMs = ms;
      const { version, position, rows, columns } = training.copy;
      const fields = {
        detector: detector.name,
        version,
        trainedAt: position,
        rows: rows.length / columns,
        ms: Math.round(ms),
      };
      if (why !== "") {
        const told = `training ${version} of ${fields.rows} rows up to row ${position} failed: ${why}`;
        if (record.failed(told)) {
          const { failuresInARow } = record;
          log.warn(
            { ...fields, reason: outcome, why, failuresInARow },
            "a training failed: the old model stays",
          );
        }
      } else if (outcome === "swapped") {
        const { swappedAt, keyHash } = record.swaps.at(-1) ?? {};
        const key = keyHash === "" ? {} : { keyHash };
        log.info({ ...fields, ...key, swappedAt }, "a model was trained and swapped in");
      }
    }
    this.running.delete(detector);
    this.changed();
    this.next();
  }

  /** Never rejects. */
  private async train({ copy, detector, model, record }: DueTraining): Promise<End> {
    try {
      const bytes = await this.options.pool.train(
        {
          kind: model.kind,
          parameters: model.parameters,
          columns: copy.columns,
          rows: copy.rows,
          seed: BigInt.asUintN(64, model.seed + BigInt(copy.version - 1)),
          contamination: model.contamination,
          scaler: detector.config.scaler,
        },
        { unbounded: true },
      );
      const { outcome, position } = await this.options.shards.windowModels.swapModel(copy, bytes);
      if (outcome === "no_memory") return { outcome, why: NO_MEMORY };
      if (outcome === "swapped") {
        record.swapped({
          version: copy.version,
          trainedAt: copy.position,
          swappedAt: position,
          keyHash: model.scope === "key" ? copy.keyHash.toString(16).padStart(16, "0") : "",
        });
      }
      return { outcome, why: "" };
    } catch (error) {
      if (!this.closed) await this.drop(copy, true);
      const outcome = error instanceof TrainerDied ? "thread_died" : "failed";
      return { outcome, why: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Never rejects: where the shard cannot be told, it has forgotten the training itself. */
  private async drop(copy: TrainingCopy, failed: boolean): Promise<void> {
    try {
      await this.options.shards.windowModels.dropTraining(copy, failed);
    } catch (error) {
      if (!this.closed) this.options.log.error({ err: error }, "a training could not be dropped");
    }
  }

  /**
   * Rows that a training's cell has learned since it was due. Of a key's own window only the detector's rows are known: its share of
   * them, as if all keys were alike.
   */
  private rowsOverdue(): RowsOverdue {
    const { shards } = this.options;
    const counted = new Map<number, DetectorCounters>();
    return ({ copy, detector: { slot }, model, events }) => {
      if (model.scope === "detector") {
        const position = shards.windowModels.cellOf(slot)?.position ?? copy.position;
        return position - copy.dueAt;
      }
      const now = counted.get(slot) ?? shards.counters(slot);
      counted.set(slot, now);
      return copy.position - copy.dueAt + (now.events - events) / Math.max(1, now.keys);
    };
  }

  private recordOf(detector: Detector): TrainingRecord {
    const known = this.records.get(detector);
    if (known !== undefined) return known;
    const made = new TrainingRecord();
    this.records.set(detector, made);
    return made;
  }

  /** Whether something is under way that may end in a model for the detector. */
  private concerns(detector: Detector): boolean {
    return this.running.has(detector) || this.queue.has(detector) || this.taking.size > 0;
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.watchers.push(resolve);
    });
  }

  private changed(): void {
    for (const resolve of this.watchers.splice(0)) resolve();
  }
}

const NO_MEMORY =
  "its shard has no memory for it; raise state_memory_mb, or lower the window or keys_max";

/** The part of a status that tells of one window. */
type Progress = Pick<
  TrainingStatus,
  "state" | "windowRows" | "rowsUntilReady" | "rowsSinceTraining"
>;

function cellProgress(model: WindowModel, cell: CellStatus | undefined): Progress {
  const { state = State.COLLECTING, windowRows = 0, version = 0 } = cell ?? {};
  return {
    state: trainingState(state),
    windowRows,
    rowsUntilReady: version > 0 ? 0 : Math.max(0, model.minSamples - windowRows),
    rowsSinceTraining: (cell?.position ?? 0) - (cell?.trainedAt ?? 0),
  };
}

function trainingState(state: State): TrainingState {
  if (state === State.COLLECTING) return "collecting";
  return state === State.RETRAINING ? "retraining" : "ready";
}

/** Each key has a window of its own: none of them stands for all. */
function keysProgress(trainings: number, running: boolean): Progress {
  const trained = running ? "retraining" : "ready";
  return {
    state: trainings === 0 ? "collecting" : trained,
    windowRows: 0,
    rowsUntilReady: 0,
    rowsSinceTraining: 0,
  };
}
