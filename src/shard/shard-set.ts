import type { Clock } from "../domain/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { GatherTurns } from "./gather-turns.ts";
import { CONTROL_BASE, PARTITIONS, Status, StepError } from "./layout.ts";
import { compileModule, createMemory, instantiate } from "./module.ts";
import type { ShardExports } from "./module.ts";
import { Pool } from "./pool.ts";
import type { PoolOptions, StepPool } from "./pool.ts";
import type { Job, JobResult } from "./protocol.ts";
import { countersIn } from "./counters.ts";
import type { DetectorCounters } from "./counters.ts";
import { runJob } from "./run-job.ts";
import { Shard, spansOf, viewsOf } from "./shard.ts";
import { WindowModels } from "./window-models.ts";
import type { Batch, Segment } from "./shard.ts";
import type { Region } from "./region.ts";

/** What the shards tell an operator; the composition root writes it to the log. */
interface ShardLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ShardSetOptions {
  /** Path of the compiled kernel. */
  readonly modulePath: string;
  readonly shards: number;
  readonly threads: number;
  /** Memory of one shard, bytes: reserved as address space, used as it is touched. */
  readonly shardMemoryBytes: number;
  /** The most work (rows through 10 trees of height 8) that the calling thread does itself in one go. */
  readonly inlineWorkMax: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly log: ShardLog;
  /** The Piscina pool when absent. */
  readonly createPool?: (options: PoolOptions) => StepPool;
}

/** A batch on its way, with the instant (Unix ms) at which it was cut. */
interface Running {
  readonly shard: Shard;
  readonly batch: Batch;
  readonly cutAt: number;
}

/**
 * Rows that are a batch worth its hop to a thread: smaller cuts spend more on hops (metric weir_batch_rows), larger ones let a burst
 * wait longer for its first answer.
 */
const EARLY_WORK = 1024;
/** A shard that cannot be recovered is made anew after this many attempts; each needs a thread to live through it. */
const RECOVERY_ATTEMPTS = 3;

type ChangeKind = "create" | "reset" | "delete";
/** What a change answers that was cut off after it was made. */
const DONE_BEFORE = {
  create: Status.SLOT_IN_USE,
  reset: Status.OK,
  delete: Status.UNKNOWN_DETECTOR,
} as const;

const unixMs = (): number => performance.timeOrigin + performance.now();

/**
 * All shards and the threads that run them. Rows are put into `shardOf(hash).gathering` by admission and announced with `wake`;
 * from there on batches are cut, stepped (inline when small, in the pool otherwise) and handed back to their owners.
 */
export class ShardSet {
  readonly shards: readonly Shard[];
  readonly windowModels: WindowModels;
  private readonly inline: ShardExports[];
  private readonly pool: StepPool;
  private readonly blocks = new Map<number, Float64Array>();
  private scheduled = false;
  /** In `flush`: owners that submit from their answers must not start another one inside it. */
  private flushing = false;
  private readonly turns = new GatherTurns();
  private closed = false;
  private cancelTimer: (() => void) | undefined;
  private readonly idleWaiters: (() => void)[] = [];

  private readonly options: ShardSetOptions;
  private readonly module: WebAssembly.Module;

  private constructor(options: ShardSetOptions, module: WebAssembly.Module) {
    this.options = options;
    this.module = module;
    const memories = Array.from({ length: options.shards }, () =>
      createMemory(options.shardMemoryBytes),
    );
    this.shards = memories.map((memory, index) => new Shard(index, memory, viewsOf(memory)));
    this.inline = memories.map((memory) => instantiate(module, memory));
    this.windowModels = new WindowModels(this.shards, (shard, work) =>
      this.exclusively(shard, work),
    );
    const createPool = options.createPool ?? ((poolOptions) => new Pool(poolOptions));
    this.pool = createPool({
      threads: options.threads,
      workerData: { module, memories },
      onThreadLost: () => {
        options.telemetry.workerRestarted();
        options.log.warn({}, "a worker thread was lost and is replaced");
      },
    });
  }

  static async start(options: ShardSetOptions): Promise<ShardSet> {
    const set = new ShardSet(options, await compileModule(options.modulePath));
    for (const shard of set.shards) {
      const result = runJob(set.inlineOf(shard), set.initializeJob(shard));
      if (result.trap !== undefined || result.value !== 0) {
        await set.pool.close();
        throw new Error(
          `shard ${shard.index}: ${result.trap ?? `initialize returned ${result.value}`}`,
        );
      }
    }
    return set;
  }

  /** Index of the shard that owns a key, by the low word of its hash. */
  indexOf(hashLo: number): number {
    // The mask keeps it a small integer: `%` on numbers over 2^31 is a division of doubles.
    return (hashLo & (PARTITIONS - 1)) % this.shards.length;
  }

  shardOf(hashLo: number): Shard {
    const shard = this.shards[this.indexOf(hashLo)];
    if (shard === undefined) throw new Error("no shards");
    return shard;
  }

  /** Rows wait for a batch to be cut, over all shards. */
  get queuedRows(): number {
    let rows = 0;
    for (const shard of this.shards) rows += shard.gathering.rows;
    return rows;
  }

  /**
   * Something gathered: it is looked at once whatever else arrived with it has been read, or at once when that is a batch already,
   * so that a burst that is read in one go neither fills a region nor waits for its own end.
   */
  wake(): void {
    if (!this.flushing) {
      for (const shard of this.shards) {
        if (!shard.busy && shard.work >= EARLY_WORK) {
          this.flush();
          break;
        }
      }
    }
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.turns.begin(this.queuedRows);
      this.gather();
    });
  }

  /** Under load lets a few more turns of the event loop add to a small batch; after a pause it is cut at once. */
  private gather(): void {
    const now = this.options.clock.now();
    if (this.turns.wait(now, this.queuedRows)) {
      setImmediate(() => this.gather());
      return;
    }
    this.turns.end(now, this.queuedRows);
    this.scheduled = false;
    this.flush();
  }

  /** Makes a detector's state in every shard, or in none. `block` is what the kernel reads from CONTROL. */
  async createDetector(slot: number, block: Float64Array): Promise<void> {
    this.blocks.set(slot, block);
    const results = await Promise.allSettled(
      this.shards.map((shard) => this.change(shard, "create", slot)),
    );
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return;
    this.blocks.delete(slot);
    await Promise.allSettled(this.shards.map((shard) => this.change(shard, "delete", slot)));
    throw failed.reason;
  }

  async resetDetector(slot: number): Promise<void> {
    await Promise.all(this.shards.map((shard) => this.change(shard, "reset", slot)));
  }

  async deleteDetector(slot: number): Promise<void> {
    await Promise.all(this.shards.map((shard) => this.change(shard, "delete", slot)));
    this.blocks.delete(slot);
  }

  /** A detector's counters, summed over the shards. Read while steps run: each is right, together they may be a batch apart. */
  counters(slot: number): DetectorCounters {
    return countersIn(this.shards, slot);
  }

  /** Resolves when nothing gathers, runs or waits. */
  async idle(): Promise<void> {
    if (this.isIdle()) return;
    await new Promise<void>((resolve) => {
      this.idleWaiters.push(resolve);
    });
  }

  /** For tests: kills a pool thread wherever it is. */
  async killThread(index: number): Promise<void> {
    await this.pool.killThread(index);
  }

  /** What is in flight is answered by the fallback; nothing is stepped any more. */
  async close(): Promise<void> {
    this.closed = true;
    this.cancelTimer?.();
    await this.pool.close();
  }

  private isIdle(): boolean {
    return this.shards.every(
      (shard) => !shard.busy && shard.gathering.rows === 0 && shard.controls.length === 0,
    );
  }

  private flush(): void {
    if (this.closed) return;
    this.flushing = true;
    const pooled: Shard[] = [];
    let inlineWork = 0;
    for (const shard of this.shards) {
      if (shard.busy || this.startControl(shard) || shard.gathering.rows === 0) continue;
      if (inlineWork + shard.work <= this.options.inlineWorkMax) {
        inlineWork += shard.work;
        this.stepInline(shard);
      } else {
        pooled.push(shard);
      }
    }
    if (pooled.length > 0) this.dispatch(pooled);
    this.flushing = false;
    if (this.idleWaiters.length > 0 && this.isIdle()) {
      for (const resolve of this.idleWaiters.splice(0)) resolve();
    }
  }

  /** A free thread takes what is ready; without one it gathers on until the longest wait is over. */
  private dispatch(ready: readonly Shard[]): void {
    const now = this.options.clock.now();
    const free = this.pool.threads - this.pool.tasks;
    if (free > 0) {
      for (let i = 0; i < Math.min(free, ready.length); i++) {
        void this.stepPooled(ready.filter((_, index) => index % free === i));
      }
      return;
    }
    const overdue = ready.filter((shard) => shard.flushBy <= now);
    if (overdue.length > 0) void this.stepPooled(overdue);
    const next = Math.min(
      ...ready.filter((shard) => shard.flushBy > now).map((shard) => shard.flushBy),
    );
    this.cancelTimer?.();
    this.cancelTimer = Number.isFinite(next)
      ? this.options.clock.after(next - now, () => this.wake())
      : undefined;
  }

  private cut(shard: Shard): Running {
    const batch = shard.cut();
    const { telemetry, clock } = this.options;
    telemetry.batch(batch.rows);
    const now = clock.now();
    for (const { admittedAt, count } of batch.segments) {
      telemetry.stage("queue", (now - admittedAt) * 1000, count);
    }
    return { shard, batch, cutAt: unixMs() };
  }

  private stepInline(shard: Shard): void {
    const running = this.cut(shard);
    const result = runJob(this.inlineOf(shard), stepJob(running));
    const why = failureOf(result);
    if (why === undefined) {
      this.settle(running, result);
      return;
    }
    // An instance that trapped is not used again: its stack is unwound, its globals are not.
    if (result.trap !== undefined) {
      this.inline[shard.index] = instantiate(this.module, shard.memory);
    }
    void this.recover(running, why);
  }

  private async stepPooled(shards: readonly Shard[]): Promise<void> {
    const running = shards.map((shard) => this.cut(shard));
    let results: JobResult[];
    try {
      results = await this.pool.run(running.map(stepJob));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      await Promise.all(running.map((one) => this.recover(one, why)));
      return;
    }
    running.forEach((one, index) => {
      const result = results[index];
      const why = failureOf(result);
      if (result !== undefined && why === undefined) this.settle(one, result);
      else void this.recover(one, why ?? "");
    });
  }

  private settle(running: Running, result: JobResult): void {
    const { shard, batch, cutAt } = running;
    const { telemetry } = this.options;
    const { region } = batch;
    for (const segment of batch.segments) this.tell(segment, region, "done");
    telemetry.stage("batch", (result.startedAt - cutAt) * 1000, batch.rows);
    telemetry.stage("step", (result.endedAt - result.startedAt) * 1000, batch.rows);
    telemetry.stage("reply", (unixMs() - result.endedAt) * 1000, batch.rows);
    const spans = spansOf(batch);
    if (spans.length > 0) {
      telemetry.recordBatch(spans, {
        rows: batch.rows,
        startUnixMs: result.startedAt,
        endUnixMs: result.endedAt,
      });
    }
    shard.release(batch);
    this.windowModels.tellDue(shard);
    // The thread is free for any shard's rows, not only for this one's.
    if (this.queuedRows > 0 || shard.controls.length > 0 || this.idleWaiters.length > 0) {
      this.wake();
    }
  }

  /** One owner's failure is its own: the others get their verdicts, and the shard goes on. */
  private tell({ owner, first, count }: Segment, region: Region, what: "done" | "lost"): void {
    try {
      owner[what](region, first, count);
    } catch (error) {
      this.options.log.error({ err: error }, "verdicts could not be handed over");
    }
  }

  /** The step did not end: its rows are answered without it, its keys start cold, everything else goes on as it was. */
  private async recover(running: Running, why: string): Promise<void> {
    const { shard, batch } = running;
    const { log, telemetry } = this.options;
    telemetry.stageFailed("step", batch.rows);
    for (const segment of batch.segments) this.tell(segment, batch.region, "lost");
    if (this.closed) return;
    const job: Job = { kind: "recover", shard: shard.index, region: batch.region.index };
    const result = await this.persist(job);
    if (result === undefined || result.value < 0) {
      log.error({ shard: shard.index, why }, "a shard could not be recovered and starts cold");
      await this.rebuild(shard);
    } else {
      telemetry.keysInDoubt(result.value);
      log.warn(
        { shard: shard.index, rows: batch.rows, keys: result.value, why },
        "a batch did not end: its keys start cold",
      );
    }
    shard.release(batch);
    this.wake();
  }

  /** A job that must happen: tried again when its thread dies too. */
  private async persist(job: Job): Promise<JobResult | undefined> {
    for (let attempt = 0; attempt < RECOVERY_ATTEMPTS; attempt++) {
      const result = await this.attempt(job);
      if (result !== undefined) return result;
    }
    return undefined;
  }

  /** Undefined when the job trapped or its thread died: the next attempt gets another. */
  private async attempt(job: Job): Promise<JobResult | undefined> {
    try {
      const [result] = await this.pool.run([job]);
      return result?.trap === undefined ? result : undefined;
    } catch {
      return undefined;
    }
  }

  /** The last resort: an empty shard with the same detectors. */
  private async rebuild(shard: Shard): Promise<void> {
    await this.persist(this.initializeJob(shard));
    for (const [slot, block] of this.blocks) {
      writeControl(shard, block);
      await this.persist({ kind: "create", shard: shard.index, slot });
    }
  }

  /** Queues a change behind everything that was admitted to the shard before. */
  private change(shard: Shard, kind: ChangeKind, slot: number): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      shard.addControl(async () => {
        const status = await this.makeChange(shard, kind, slot);
        if (status === Status.OK) resolve();
        else reject(new Error(`${kind} in shard ${shard.index}: status ${status}`));
      });
      this.wake();
    });
  }

  /**
   * Queues work for this thread behind everything that was admitted to the shard before; nothing is stepped in it meanwhile. Where the
   * kernel traps, the shard is recovered.
   */
  private exclusively<T>(shard: Shard, work: (kernel: ShardExports) => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.closed) {
        reject(new Error("the shards are closed"));
        return;
      }
      shard.addControl(async () => {
        try {
          resolve(await work(this.inlineOf(shard)));
        } catch (error) {
          this.inline[shard.index] = instantiate(this.module, shard.memory);
          await this.persist({ kind: "recover", shard: shard.index, region: -1 });
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
      this.wake();
    });
  }

  /** A change that was cut off leaves lists half made: they are made anew before it is tried again. */
  private async makeChange(shard: Shard, kind: ChangeKind, slot: number): Promise<number> {
    for (let attempt = 0; attempt < RECOVERY_ATTEMPTS; attempt++) {
      const block = this.blocks.get(slot);
      if (kind === "create" && block !== undefined) writeControl(shard, block);
      const result = await this.attempt({ kind, shard: shard.index, slot });
      if (result !== undefined) {
        return attempt > 0 && result.value === DONE_BEFORE[kind] ? Status.OK : result.value;
      }
      await this.persist({ kind: "recover", shard: shard.index, region: -1 });
    }
    return -1;
  }

  /** Whether a change took the shard. */
  private startControl(shard: Shard): boolean {
    const control = shard.nextControl();
    if (control === undefined) return false;
    shard.busy = true;
    void control().finally(() => {
      shard.busy = false;
      this.wake();
    });
    return true;
  }

  private inlineOf(shard: Shard): ShardExports {
    const exports = this.inline[shard.index];
    if (exports === undefined) throw new Error(`no shard ${shard.index}`);
    return exports;
  }

  private initializeJob(shard: Shard): Job {
    return {
      kind: "initialize",
      shard: shard.index,
      memoryBytes: shard.memory.buffer.byteLength,
    };
  }
}

function stepJob({ shard, batch }: Running): Job {
  return { kind: "step", shard: shard.index, region: batch.region.index };
}

/** Why a step did not work off its region; undefined = it did. */
function failureOf(result: JobResult | undefined): string | undefined {
  if (result === undefined) return "no result";
  if (result.trap !== undefined) return result.trap;
  if (result.value >= 0) return undefined;
  return result.value === StepError.NEEDS_RECOVERY
    ? "an earlier step did not end"
    : `the step returned ${result.value}`;
}

function writeControl(shard: Shard, block: Float64Array): void {
  shard.views.f64.set(block, CONTROL_BASE >>> 3);
}
