import type { Clock } from "../domain/clock.ts";
import { WeirError } from "../domain/errors.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { GatherTurns } from "./gather-turns.ts";
import { noJournal } from "./journal.ts";
import type { Change, Position, ShardJournal } from "./journal.ts";
import { PARTITIONS, slotBase, Status, StepError } from "./layout.ts";
import { Mender, notLearning } from "./mender.ts";
import type { ShardLog } from "./mender.ts";
import { compileModule, createMemory, instantiate } from "./module.ts";
import type { ShardExports } from "./module.ts";
import { Pool } from "./pool.ts";
import type { PoolOptions, StepPool } from "./pool.ts";
import { unpackRows } from "./packed-rows.ts";
import type { Job, JobResult } from "./protocol.ts";
import { countersIn } from "./counters.ts";
import type { DetectorCounters } from "./counters.ts";
import { recall } from "./recall.ts";
import type { Recalled } from "./recall.ts";
import { copyDetector } from "./copy-detector.ts";
import { runJob } from "./run-job.ts";
import { Shard, spansOf, viewsOf } from "./shard.ts";
import { WindowModels } from "./window-models.ts";
import type { AsideBatch, Batch, Segment } from "./shard.ts";
import type { Region } from "./region.ts";

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
  /** Absent = nothing is kept. */
  readonly journal?: ShardJournal;
  /** Memories that were brought back, one a shard; absent = they are new. */
  readonly memories?: readonly WebAssembly.Memory[];
  /** Makes a shard what it was after an entry of the journal, from a snapshot and the journal. */
  readonly rebuild?: (shard: Shard, until: Position) => Promise<void>;
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
  /** How every detector was made, by slot. */
  private readonly creations = new Map<number, Change>();
  private readonly journal: ShardJournal;
  private readonly mender: Mender;
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
    const memories =
      options.memories ??
      Array.from({ length: options.shards }, () => createMemory(options.shardMemoryBytes));
    this.journal = options.journal ?? noJournal;
    this.shards = memories.map((memory, index) => new Shard(index, memory, viewsOf(memory)));
    this.inline = memories.map((memory) => instantiate(module, memory));
    this.windowModels = new WindowModels(
      this.shards,
      (shard, work) => this.exclusively(shard, work),
      this.journal,
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
    const { telemetry, log, rebuild } = options;
    const { journal, pool, creations } = this;
    const rebuilt = rebuild === undefined ? undefined : this.rebuilding(rebuild);
    this.mender = new Mender({ pool, journal, telemetry, log, creations, rebuild: rebuilt });
    journal.onRoom = () => this.wake();
  }

  static async start(options: ShardSetOptions): Promise<ShardSet> {
    const set = new ShardSet(options, await compileModule(options.modulePath));
    for (const shard of options.memories === undefined ? set.shards : []) {
      const memoryBytes = shard.memory.buffer.byteLength;
      const job: Job = { kind: "initialize", shard: shard.index, memoryBytes };
      const result = runJob(set.inlineOf(shard), job, shard.views);
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

  /** Makes a detector's state in every shard, or in none. `block` is what the kernel reads from CONTROL; `spec` is for readers of the journal. */
  async createDetector(slot: number, block: Float64Array, spec = ""): Promise<void> {
    const change: Change = { kind: "create", slot, block, spec };
    this.creations.set(slot, change);
    const results = await this.changeAll(change);
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return;
    this.creations.delete(slot);
    await this.changeAll({ kind: "delete", slot });
    throw failed.reason;
  }

  /** Gives a detector other settings in every shard; rejects, and nothing has changed, when its state does not fit them. */
  async configureDetector(slot: number, block: Float64Array, spec = ""): Promise<void> {
    const change: Change = { kind: "configure", slot, block, spec };
    // What one shard takes all take: it depends on the configurations alone.
    await this.changeAllOrThrow(change);
    this.creations.set(slot, { ...change, kind: "create" });
  }

  async resetDetector(slot: number): Promise<void> {
    await this.changeAllOrThrow({ kind: "reset", slot });
  }

  async deleteDetector(slot: number): Promise<void> {
    await this.changeAllOrThrow({ kind: "delete", slot });
    this.creations.delete(slot);
  }

  /** Whether any shard has state of this slot. */
  holds(slot: number): boolean {
    return this.shards.some(({ views }) => (views.u32[slotBase(slot) >>> 2] ?? 0) !== 0);
  }

  /** What admission needs to know of a detector whose memories were brought back. Reads all its keys. */
  recall(slot: number): Recalled {
    return recall(
      this.shards.map((shard) => ({ kernel: this.inlineOf(shard), views: shard.views })),
      slot,
    );
  }

  /** How a detector of memories that were brought back was made. */
  know(slot: number, block: Float64Array, spec: string): void {
    this.creations.set(slot, { kind: "create", slot, block, spec });
  }

  private async changeAllOrThrow(change: Change): Promise<void> {
    const failed = (await this.changeAll(change)).find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  }

  /** Makes a change of all shards, each behind what was admitted to it before, and journals it in one piece: a crash leaves it made everywhere, or nowhere. */
  private async changeAll(change: Change): Promise<readonly PromiseSettledResult<void>[]> {
    let held = 0;
    let letGo = (): void => undefined;
    const all = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const positions: Position[] = [];
    const append = (): void => {
      if (this.journal.failed) return;
      this.journal.together(() => {
        for (const { index } of this.shards)
          positions.push(this.journal.appendChange(index, change));
      });
    };
    const made = this.shards.map((shard) =>
      this.hold(shard, async () => {
        if (++held === this.shards.length) {
          append();
          letGo();
        }
        await all;
        const position = positions[shard.index];
        if (position === undefined) throw notLearning();
        await this.make(shard, change, position);
      }),
    );
    return Promise.allSettled(made);
  }

  private async make(shard: Shard, change: Change, position: Position): Promise<void> {
    if (position > 0) {
      shard.position = position;
      shard.applying = position;
    }
    const status = await this.mender.change(shard, change, position);
    // A start may find what is left of a detector in some of the shards.
    const isGone = change.kind === "delete" && status === Status.UNKNOWN_DETECTOR;
    if (status !== Status.OK && !isGone) {
      throw new Error(`${change.kind} in shard ${shard.index}: status ${status}`);
    }
  }

  /** Resolves when every row that was admitted before was stepped, or lost. `visit` may look at each shard, between two batches. */
  async passed(visit: (shard: Shard, kernel: ShardExports) => void = noVisit): Promise<void> {
    const passing = this.shards.map((shard) =>
      this.exclusively(shard, (kernel) => visit(shard, kernel)),
    );
    await Promise.all(passing);
  }

  /** Gives a detector that was just made the state of another. `begins` is told when a shard is about to be copied; until then it has not changed. */
  async copyDetector(from: number, to: number, begins: (shard: Shard) => void): Promise<void> {
    const { journal } = this;
    const statuses = this.shards.map((shard) =>
      this.exclusively(shard, (kernel) => {
        begins(shard);
        return copyDetector(shard, kernel, { from, to, journal });
      }),
    );
    const failed = (await Promise.all(statuses)).find((status) => status !== Status.OK);
    if (this.journal.failed) throw notLearning();
    if (failed !== undefined) throw new Error(`status ${failed}`);
  }

  /** Rows that nobody waits for, of one shard: stepped in their order when it has nothing else to do. */
  aside(index: number, batch: AsideBatch): void {
    const shard = this.shards[index];
    if (shard === undefined || this.closed) {
      batch.lost();
      return;
    }
    shard.asides.push(batch);
    this.wake();
  }

  /**
   * The journal failed: what it has after `durable` is gone. Every shard goes back to what it was then; until the journal can be written again
   * nothing may learn.
   */
  async goBack(durable: Position): Promise<void> {
    const { rebuild } = this.options;
    await Promise.all(
      this.shards.map((shard) =>
        this.hold(shard, async () => {
          if (shard.position > durable && rebuild !== undefined) {
            await this.rebuilding(rebuild)(shard, durable);
            shard.position = durable;
          }
          for (const aside of shard.asides.splice(0)) aside.lost();
        }),
      ),
    );
    this.windowModels.goBack(durable);
  }

  /** The newest entry that is on disk and, like all before it, applied by its shard or left out. */
  get settled(): Position {
    let settled = this.journal.durable;
    for (const { applying } of this.shards) settled = Math.min(settled, applying - 1);
    return Math.max(0, settled);
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
      if (shard.busy || !this.journal.hasRoom || this.startControl(shard)) continue;
      if (shard.gathering.rows === 0) continue;
      if (inlineWork + shard.work <= this.options.inlineWorkMax) {
        inlineWork += shard.work;
        this.stepInline(shard);
      } else {
        pooled.push(shard);
      }
    }
    if (pooled.length > 0) this.dispatch(pooled);
    else if (this.queuedRows === 0) this.stepAsides();
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

  /** Rows that nobody waits for, while nothing else does. */
  private stepAsides(): void {
    for (const shard of this.shards) {
      if (shard.busy || !this.journal.hasRoom || shard.controls.length > 0) continue;
      const aside = shard.asides.shift();
      if (aside !== undefined) void this.stepAside(shard, aside);
    }
  }

  private async stepAside(shard: Shard, aside: AsideBatch): Promise<void> {
    const region = shard.borrow();
    region.rows = unpackRows(aside.packed, shard.views, region.index);
    if (this.journal.failed || region.rows < 0) {
      aside.lost();
    } else {
      const position = this.journal.appendPacked(shard.index, aside.packed);
      shard.position = position;
      shard.applying = position;
      const batch = { region, rows: region.rows, segments: [], position };
      const job = stepJob({ shard, batch });
      let result: JobResult | undefined;
      if (aside.work <= this.options.inlineWorkMax) {
        result = runJob(this.inlineOf(shard), job, shard.views);
        if (result.trap !== undefined) this.renew(shard);
      } else {
        result = await this.pool.run([job]).then(
          ([first]) => first,
          () => undefined,
        );
      }
      const why = failureOf(result);
      if (why !== undefined) result = await this.mender.mend(shard, batch, why);
      if (result === undefined) aside.lost();
      else {
        if (position > 0) this.journal.appendVerdicts(shard.index, position, region);
        region.rowUs = rowUs(result, region.rows);
        aside.done(region, region.rows);
      }
    }
    shard.giveBack();
    this.windowModels.tellDue(shard);
    this.wake();
  }

  private cut(shard: Shard): Running {
    const { region, segments } = shard.cut();
    const { journal } = this;
    if (journal.failed) region.stopLearning();
    const position = journal.failed ? 0 : journal.appendRows(shard.index, region);
    if (position > 0) {
      shard.position = position;
      shard.applying = position;
    }
    const batch = { region, segments, rows: region.rows, position };
    for (const { owner, first } of segments) owner.cut?.(region, first, position);
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
    const result = runJob(this.inlineOf(shard), stepJob(running), shard.views);
    const why = failureOf(result);
    if (why === undefined) {
      this.settle(running, result);
      return;
    }
    if (result.trap !== undefined) this.renew(shard);
    void this.recover(running, why);
  }

  /** An instance that trapped is not used again: its stack is unwound, its globals are not. */
  private renew(shard: Shard): void {
    this.inline[shard.index] = instantiate(this.module, shard.memory);
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
    if (batch.position > 0) this.journal.appendVerdicts(shard.index, batch.position, region);
    region.rowUs = rowUs(result, batch.rows);
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
    const waits = shard.controls.length > 0 || shard.asides.length > 0;
    if (this.queuedRows > 0 || waits || this.idleWaiters.length > 0) this.wake();
  }

  /** One owner's failure is its own: the others get their verdicts, and the shard goes on. */
  private tell({ owner, first, count }: Segment, region: Region, what: "done" | "lost"): void {
    try {
      owner[what](region, first, count);
    } catch (error) {
      this.options.log.error({ err: error }, "verdicts could not be handed over");
    }
  }

  /** The step did not end. */
  private async recover(running: Running, why: string): Promise<void> {
    const { shard, batch } = running;
    this.options.telemetry.stageFailed("step", batch.rows);
    if (batch.position === 0) this.tellLost(batch);
    if (this.closed) return;
    const result = await this.mender.mend(shard, batch, why);
    if (result !== undefined) {
      this.settle(running, result);
      return;
    }
    if (batch.position > 0) this.tellLost(batch);
    shard.release(batch);
    this.wake();
  }

  private tellLost({ segments, region }: Batch): void {
    for (const segment of segments) this.tell(segment, region, "lost");
  }

  /** Makes a shard anew, and this thread's instance over it. */
  private rebuilding(
    rebuild: NonNullable<ShardSetOptions["rebuild"]>,
  ): (shard: Shard, until: Position) => Promise<void> {
    return async (shard, until) => {
      await rebuild(shard, until);
      this.renew(shard);
    };
  }

  /** Makes a change of one shard behind everything that was admitted to it before. Rejects when the kernel refuses it. */
  change(index: number, change: Change): Promise<void> {
    const shard = this.shards[index];
    if (shard === undefined) return Promise.reject(new Error(`no shard ${index}`));
    return this.hold(shard, async () => {
      if (this.journal.failed) throw notLearning();
      await this.make(shard, change, this.journal.appendChange(index, change));
    });
  }

  /**
   * Queues work for this thread behind everything that was admitted to the shard before; nothing is stepped in it meanwhile. Where the
   * kernel traps, the shard is recovered.
   */
  private exclusively<T>(shard: Shard, work: (kernel: ShardExports) => T | Promise<T>): Promise<T> {
    return this.hold(shard, async () => {
      const before = shard.position;
      try {
        return await work(this.inlineOf(shard));
      } catch (error) {
        if (error instanceof WeirError) throw error;
        this.renew(shard);
        const { position } = shard;
        if (position > before) await this.mender.leaveOut(shard, position);
        else await this.mender.restore(shard);
        throw error;
      }
    });
  }

  /** Queues work behind everything that was admitted to the shard before; nothing is stepped in it meanwhile. */
  private hold<T>(shard: Shard, work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.closed) {
        reject(new Error("the shards are closed"));
        return;
      }
      shard.addControl(async () => {
        await work().then(resolve, (error: unknown) =>
          reject(error instanceof Error ? error : new Error(String(error))),
        );
      });
      this.wake();
    });
  }

  /** Whether a change took the shard. */
  private startControl(shard: Shard): boolean {
    const control = shard.nextControl();
    if (control === undefined) return false;
    shard.busy = true;
    void control().finally(() => {
      shard.applying = Number.POSITIVE_INFINITY;
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
}

function stepJob({ shard, batch }: Pick<Running, "shard" | "batch">): Job {
  return { kind: "step", shard: shard.index, region: batch.region.index };
}

const noVisit = (): void => undefined;

/** Microseconds a row. */
function rowUs({ startedAt, endedAt }: JobResult, rows: number): number {
  return ((endedAt - startedAt) * 1000) / Math.max(1, rows);
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
