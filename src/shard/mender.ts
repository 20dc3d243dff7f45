import { Code, WeirError } from "../domain/errors.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Change, Position, ShardJournal } from "./journal.ts";
import { Status } from "./layout.ts";
import type { StepPool } from "./pool.ts";
import type { Job, JobResult } from "./protocol.ts";
import type { Rebuilds } from "./rebuilds.ts";
import type { Batch, Shard } from "./shard.ts";

/** What the shards tell an operator; the composition root writes it to the log. */
export interface ShardLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface MenderOptions {
  readonly pool: StepPool;
  readonly journal: ShardJournal;
  /** Undefined = there is no journal. */
  readonly rebuilds: Pick<Rebuilds, "rebuild"> | undefined;
  readonly telemetry: Pick<Telemetry, "keysInDoubt">;
  readonly log: ShardLog;
  /** Of every detector, by slot: how to make it again. */
  readonly creations: ReadonlyMap<number, Change>;
}

/** A shard that cannot be recovered is made anew after this many attempts; each needs a thread to live through it. */
const ATTEMPTS = 3;

/** What a change answers that was cut off after it was made. */
const DONE_BEFORE: Partial<Record<Change["kind"], number>> = {
  create: Status.SLOT_IN_USE,
  reset: Status.OK,
  delete: Status.UNKNOWN_DETECTOR,
};

/**
 * Brings a shard back after a thread died or a step trapped in it. With a journal it is made anew from snapshot and journal, bit for bit, and
 * what was cut off is done once more; without one its indices are made anew and the keys of the batch start cold.
 */
export class Mender {
  private readonly options: MenderOptions;

  constructor(options: MenderOptions) {
    this.options = options;
  }

  /** A batch did not end. Resolves to the result of another go at it; undefined = its rows are lost, and the shard goes on without them. */
  async mend(shard: Shard, batch: Batch, why: string): Promise<JobResult | undefined> {
    const { log } = this.options;
    if (this.options.rebuilds === undefined) {
      await this.recover(shard, batch, why);
      return undefined;
    }
    const { index } = shard;
    const { position } = batch;
    const fields = { shard: index, position, rows: batch.rows, why };
    if (position === 0) {
      log.warn(
        fields,
        "a batch that is in no journal did not end: its shard is rebuilt without it",
      );
      await this.restore(shard);
      return undefined;
    }
    log.warn(fields, "a batch did not end: its shard is rebuilt from snapshot and journal");
    if (!(await this.rebuildBefore(shard, position))) return undefined;
    const job: Job = { kind: "step", shard: index, region: batch.region.index };
    const again = await this.attempt(job);
    if (again !== undefined && again.value >= 0) return again;
    log.error(fields, "the batch did not end a second time: its rows are left out");
    await this.leaveOut(shard, position);
    return undefined;
  }

  /** Makes a change until it is made: its answer, -1 = it cannot be made. `position` is its place in the journal. */
  async change(shard: Shard, change: Change, position: Position): Promise<number> {
    const { rebuilds } = this.options;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = await this.attempt({ kind: "change", shard: shard.index, change });
      if (result !== undefined) {
        const before = rebuilds === undefined && attempt > 0 ? DONE_BEFORE[change.kind] : undefined;
        return result.value === before ? Status.OK : result.value;
      }
      // A change that was cut off leaves lists half made.
      if (rebuilds === undefined) {
        await this.persist({ kind: "recover", shard: shard.index, region: -1 });
      } else if (!(await this.rebuildBefore(shard, position))) {
        return -1;
      }
    }
    if (rebuilds !== undefined) await this.leaveOut(shard, position);
    return -1;
  }

  /** Work that is no entry trapped in the shard, and may have left lists half made: it is what its entries made it. */
  async restore(shard: Shard): Promise<void> {
    const { journal, rebuilds } = this.options;
    if (rebuilds === undefined) {
      await this.persist({ kind: "recover", shard: shard.index, region: -1 });
      return;
    }
    // Where its last entry is lost the journal has failed, and that takes care of the shard.
    if (shard.position > 0 && !(await this.durable(shard.position))) return;
    await rebuilds.rebuild(shard, journal.durable);
  }

  /** The entry at `position`, the shard's last, was not applied and will not be: the shard is what it was before it. */
  async leaveOut(shard: Shard, position: Position): Promise<void> {
    const voided = this.options.journal.appendVoid(shard.index, position);
    if (await this.rebuildBefore(shard, position, voided)) return;
    const { journal, rebuilds } = this.options;
    if (rebuilds !== undefined && position <= journal.durable) shard.unvoided = position;
  }

  /** The shard is what it was before that entry. False = it cannot be: the journal failed before, and takes care of it. */
  async rebuildBefore(shard: Shard, position: Position, waitFor = position): Promise<boolean> {
    const { rebuilds } = this.options;
    if (rebuilds === undefined || !(await this.durable(waitFor))) return false;
    await rebuilds.rebuild(shard, position - 1);
    return true;
  }

  private durable(position: Position): Promise<boolean> {
    return new Promise((resolve) => {
      this.options.journal.whenDurable(position, resolve);
    });
  }

  /** A job that must happen: tried again when its thread dies too. */
  async persist(job: Job): Promise<JobResult | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = await this.attempt(job);
      if (result !== undefined) return result;
    }
    return undefined;
  }

  /** Undefined when the job trapped or its thread died: the next attempt gets another. */
  private async attempt(job: Job): Promise<JobResult | undefined> {
    try {
      const [result] = await this.options.pool.run([job]);
      return result?.trap === undefined ? result : undefined;
    } catch {
      return undefined;
    }
  }

  /** Without a journal: its rows are answered without it, its keys start cold, everything else goes on as it was. */
  private async recover(shard: Shard, { region, rows }: Batch, why: string): Promise<void> {
    const { log, telemetry } = this.options;
    const { index } = shard;
    const result = await this.persist({ kind: "recover", shard: index, region: region.index });
    if (result === undefined || result.value < 0) {
      log.error({ shard: index, why }, "a shard could not be recovered and starts cold");
      await this.makeAnew(shard);
      return;
    }
    telemetry.keysInDoubt(result.value);
    const fields = { shard: index, rows, keys: result.value, why };
    log.warn(fields, "a batch did not end: its keys start cold");
  }

  /** The last resort: an empty shard with the same detectors. */
  private async makeAnew(shard: Shard): Promise<void> {
    const { index, memory } = shard;
    await this.persist({
      kind: "initialize",
      shard: index,
      memoryBytes: memory.buffer.byteLength,
    });
    for (const change of this.options.creations.values()) {
      await this.persist({ kind: "change", shard: index, change });
    }
  }
}

/** UNAVAILABLE: while the journal cannot be written nothing may change. */
export function notLearning(): WeirError {
  return new WeirError(
    Code.UNAVAILABLE,
    "NOT_LEARNING",
    "the journal cannot be written, so nothing is learned or changed until it can: see the server's log and `weir state`",
    { retryAfterMs: 1000 },
  );
}
