import { setImmediate as turn } from "node:timers/promises";
import type { Position } from "../shard/journal.ts";
import { skipPacked } from "../shard/move-packed.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { AsideBatch, Shard } from "../shard/shard.ts";
import { Kind } from "../state/journal/entry.ts";
import type { StateSource } from "../state/replay/run-types.ts";
import type { Relay, Relayed } from "./relay.ts";

export interface CatchUpOptions {
  readonly shards: ShardSet;
  readonly relay: Relay;
  /** Cost of a row. */
  readonly rowWork: number;
  /** What the state has seen. */
  readonly after: Position;
  readonly journal: { readonly newest: Position; readonly durable: Position };
  readonly source: () => Pick<StateSource, "first" | "entries" | "voids">;
  /** From now on the rows that are admitted wait for the detector; those of a shard that are cut already are not for it. */
  readonly attach: () => (shard: Shard) => void;
}

/** Batches of a shard that wait for it: what the replay reads ahead. */
const AHEAD = 8;
/** Of reading in one go, ms: then the event loop gets its turn. */
const SLICE_MS = 2;
/** Entries behind the newest at which the rest is fed while new rows wait. */
const CLOSE = 500;
const PASSES_MAX = 100;

/** Feeds a detector what the journal has had since its state, and then what is admitted now, without a gap. */
export class CatchUp {
  rows = 0;
  private position: Position;
  private isOver = false;
  private readonly options: CatchUpOptions;
  private readonly waiting = new Map<number, Set<Replayed>>();
  private failure: Error | undefined;
  private readonly waiters: (() => void)[] = [];

  constructor(options: CatchUpOptions) {
    this.options = options;
    this.position = options.after;
  }

  /** Rows of the journal that it has not got, about: as many an entry as until now. */
  get left(): number {
    const { after, journal } = this.options;
    const entries = Math.max(0, journal.newest - this.position);
    const done = this.position - after;
    return this.rows === 0 ? entries : Math.ceil((this.rows / done) * entries);
  }

  /** Resolves when nothing of the journal is missing; `attach` was called then. Rejects when it cannot be, or was stopped. */
  async run(): Promise<void> {
    const { journal, shards, attach } = this.options;
    let { after } = this.options;
    for (let pass = 0; pass < PASSES_MAX && journal.durable - after > CLOSE; pass++) {
      const until = journal.durable;
      // oxlint-disable-next-line no-await-in-loop -- each reads what came while the one before was fed
      await this.feed(after, until);
      after = until;
    }
    // In one turn: from where on each shard's rows are fed as they come is known when the shard gets there.
    const cutAt = new Map<number, Position>();
    let attached: ((shard: Shard) => void) | undefined;
    const passed = shards.passed((shard) => {
      attached?.(shard);
      cutAt.set(shard.index, journal.newest);
    });
    attached = attach();
    await passed;
    const until = Math.max(...cutAt.values());
    while (journal.durable < until) {
      this.check();
      // oxlint-disable-next-line no-await-in-loop -- until it is on disk
      await turn();
    }
    await this.feed(after, until, cutAt);
    while (this.waiting.size > 0) await this.wait();
    this.check();
  }

  /** What waits is not for the detector any more. */
  stop(): void {
    this.isOver = true;
    for (const batches of this.waiting.values()) for (const batch of batches) batch.skip();
    this.wake();
  }

  private async feed(
    after: Position,
    until: Position,
    cutAt?: ReadonlyMap<number, Position>,
  ): Promise<void> {
    const { relay, source, shards, rowWork } = this.options;
    const { first, entries, voids } = source();
    if (first > after + 1) {
      throw new Error(
        `the journal begins at position ${first}, and the rows from ${after + 1} on are needed`,
      );
    }
    const left = voids(after);
    let sliceEnds = performance.now() + SLICE_MS;
    for (const { position, shard, body } of entries({ after, until, kinds: [Kind.ROWS] })) {
      this.check();
      this.position = position;
      if (left.has(position) || position > (cutAt?.get(shard) ?? until)) continue;
      const relayed = relay.relay(position, body);
      if (relayed !== undefined) {
        while ((this.waiting.get(shard)?.size ?? 0) >= AHEAD) await this.wait();
        this.rows += relayed.rows;
        shards.aside(shard, this.batchOf(shard, relayed, rowWork));
      }
      if (performance.now() < sliceEnds) continue;
      await turn();
      sliceEnds = performance.now() + SLICE_MS;
    }
  }

  private batchOf(shard: number, relayed: Relayed, rowWork: number): Replayed {
    const batches = this.waiting.get(shard) ?? new Set();
    this.waiting.set(shard, batches);
    const batch = new Replayed(relayed, { rowWork, queue: this }, (isDone) => {
      batches.delete(batch);
      if (batches.size === 0) this.waiting.delete(shard);
      if (!isDone) this.failure = new Error("rows of the replay could not be stepped");
      this.wake();
    });
    batches.add(batch);
    return batch;
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure;
    if (this.isOver) throw new Error("it was given up");
  }

  private async wait(): Promise<void> {
    this.check();
    await new Promise<void>((resolve) => {
      this.waiters.push(resolve);
    });
    this.check();
  }

  private wake(): void {
    for (const resolve of this.waiters.splice(0)) resolve();
  }
}

/** Rows of the journal on their way through a shard again. */
class Replayed implements AsideBatch {
  readonly isOwed = true;
  readonly queue: object;
  readonly packed: Uint8Array;
  readonly rows: number;
  readonly work: number;
  private readonly relayed: Relayed;
  private readonly over: (isDone: boolean) => void;

  constructor(
    relayed: Relayed,
    { rowWork, queue }: { readonly rowWork: number; readonly queue: object },
    over: (isDone: boolean) => void,
  ) {
    this.relayed = relayed;
    this.queue = queue;
    this.packed = relayed.packed;
    this.rows = relayed.rows;
    this.work = relayed.rows * rowWork;
    this.over = over;
  }

  skip(): void {
    for (let row = 0; row < this.rows; row++) skipPacked(this.relayed.views, row);
  }

  done(): void {
    this.over(true);
  }

  lost(): void {
    this.over(false);
  }
}
