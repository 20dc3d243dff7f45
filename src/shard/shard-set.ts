import { rowUs, stepAside, takeOwed } from "./asides.ts";
import type { AsideOptions } from "./asides.ts";
import { ShardChanges } from "./changes.ts";
import { GatherTurns } from "./gather-turns.ts";
import { Holds } from "./holds.ts";
import { noJournal } from "./journal.ts";
import type { Change, Position, ShardJournal } from "./journal.ts";
import { PARTITIONS, slotBase } from "./layout.ts";
import { Mender } from "./mender.ts";
import { compileModule, createMemory, instantiate } from "./module.ts";
import type { ShardExports } from "./module.ts";
import { Pool } from "./pool.ts";
import type { StepPool } from "./pool.ts";
import type { Job, JobResult } from "./protocol.ts";
import { countersIn } from "./counters.ts";
import type { DetectorCounters } from "./counters.ts";
import { Rebuilds } from "./rebuilds.ts";
import { recall } from "./recall.ts";
import type { Recalled } from "./recall.ts";
import { runJob } from "./run-job.ts";
import { failureOf, stepJob, unixMs } from "./running.ts";
import type { Running } from "./running.ts";
import type { ShardSetOptions } from "./shard-set-options.ts";
import { Shard, spansOf, viewsOf } from "./shard.ts";
import { WindowModels } from "./window-models.ts";
import type { AsideBatch, Batch, Segment } from "./shard.ts";
import type { Region } from "./region.ts";

/**
 * Rows that are a batch worth its hop to a thread: smaller cuts spend more on hops (metric weir_batch_rows), larger ones let a burst
 * wait longer for its first answer.
 */
const EARLY_WORK = 1024;

/**
 * All shards and the threads that run them. Rows are put into `shardOf(hash).gathering` by admission and announced with `wake`;
 * from there on batches are cut, stepped (inline when small, in the pool otherwise) and handed back to their owners.
 */
export class ShardSet {
  readonly shards: readonly Shard[];
  readonly windowModels: WindowModels;
  readonly changes: ShardChanges;
  private readonly inline: ShardExports[];
  private readonly pool: StepPool;
  /** How every detector was made, by slot. */
  private readonly creations = new Map<number, Change>();
  private readonly journal: ShardJournal;
  /** Undefined = there is no journal. */
  private readonly rebuilds: Rebuilds | undefined;
  private readonly mender: Mender;
  private readonly held: Holds;
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
      (shard, work) => this.held.exclusively(shard, work),
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
    if (rebuild !== undefined) {
      const renew = (shard: Shard): void => this.renew(shard);
      const isClosed = (): boolean => this.closed;
      this.rebuilds = new Rebuilds({ journal, rebuild, renew, log, isClosed });
    }
    this.mender = new Mender({ pool, journal, telemetry, log, creations, rebuilds: this.rebuilds });
    this.held = new Holds({
      mender: this.mender,
      kernelOf: (shard) => this.inlineOf(shard),
      renew: (shard) => this.renew(shard),
      wake: () => this.wake(),
      isClosed: () => this.closed,
    });
    this.changes = new ShardChanges({
      shards: this.shards,
      journal,
      mender: this.mender,
      creations,
      hold: (shard, work) => this.held.hold(shard, work),
      exclusively: (shard, work) => this.held.exclusively(shard, work),
    });
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

  /** Resolves when every row that was admitted before was stepped, or lost. `visit` may look at each shard, between two batches. */
  async passed(visit?: (shard: Shard, kernel: ShardExports) => void): Promise<void> {
    const passing = this.shards.map((shard) =>
      this.held.exclusively(shard, (kernel) => visit?.(shard, kernel)),
    );
    await Promise.all(passing);
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
    await Promise.all(
      this.shards.map((shard) =>
        this.held.hold(shard, async () => {
          await this.rebuilds?.goBack(shard, durable);
          for (const aside of shard.asides.splice(0)) aside.lost();
        }),
      ),
    );
    this.windowModels.goBack(durable);
  }

  /** The journal can be written again: before anything else it is told what is left out and it did not take. */
  goOn(): void {
    this.rebuilds?.goOn(this.shards);
  }

  /** The newest entry that is on disk and, like all before it, applied by its shard or left out. */
  get settled(): Position {
    const applied = this.shards.map(
      ({ applying, unvoided = Number.POSITIVE_INFINITY }) => Math.min(applying, unvoided) - 1,
    );
    return Math.max(0, Math.min(this.journal.durable, ...applied));
  }

  /** A detector's counters, summed over the shards. Read while steps run: each is right, together they may be a batch apart. */
  counters(slot: number): DetectorCounters {
    return countersIn(this.shards, slot);
  }

  /** Resolves when nothing gathers, runs or waits. */
  async idle(): Promise<void> {
    if (this.isIdle()) return;
    await new Promise<void>((resolve) => this.idleWaiters.push(resolve));
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
      if (shard.busy || !this.journal.hasRoom || this.held.start(shard)) continue;
      const owed = takeOwed(shard, this.options.clock.now());
      if (owed !== undefined) void this.stepAside(shard, owed);
      if (owed !== undefined || shard.gathering.rows === 0) continue;
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
    const { journal, mender } = this;
    const { clock, log } = this.options;
    const step = (...given: Parameters<AsideOptions["step"]>) => this.stepAlone(...given);
    await stepAside(shard, aside, { journal, mender, step, failureOf, clock, log });
    this.windowModels.tellDue(shard);
    this.wake();
  }

  private async stepAlone(
    shard: Shard,
    batch: Batch,
    work: number,
  ): Promise<JobResult | undefined> {
    const job = stepJob({ shard, batch });
    if (work > this.options.inlineWorkMax) {
      const results = await this.pool.run([job]).catch(() => []);
      return results[0];
    }
    const result = runJob(this.inlineOf(shard), job, shard.views);
    if (result.trap !== undefined) this.renew(shard);
    return result;
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
    let result: JobResult | undefined;
    try {
      result = await this.mender.mend(shard, batch, why);
    } catch (error) {
      // Its rows get the fallback's verdicts, and others wait: nothing may be stepped in a shard of which nobody knows what it holds.
      const { log } = this.options;
      if (!shard.lost) log.error({ err: error, shard: shard.index }, "a batch was not mended");
      this.tellLost(batch);
      return;
    }
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

  private inlineOf(shard: Shard): ShardExports {
    const exports = this.inline[shard.index];
    if (exports === undefined) throw new Error(`no shard ${shard.index}`);
    return exports;
  }
}
