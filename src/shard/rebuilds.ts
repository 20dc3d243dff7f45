import type { Position, ShardJournal } from "./journal.ts";
import type { ShardLog } from "./mender.ts";
import type { Shard } from "./shard.ts";

export interface RebuildsOptions {
  readonly journal: ShardJournal;
  /** Makes a shard what it was after the entry `until`, from a snapshot and the journal. */
  readonly rebuild: (shard: Shard, until: Position) => Promise<void>;
  /** Another instance over a shard's memory in this thread. */
  readonly renew: (shard: Shard) => void;
  readonly log: ShardLog;
  readonly isClosed: () => boolean;
}

/** Shards that are made anew, or lost. */
export class Rebuilds {
  private readonly options: RebuildsOptions;

  constructor(options: RebuildsOptions) {
    this.options = options;
  }

  /** Makes a shard anew, and this thread's instance over it. Where that cannot be done the shard is lost, and it rejects. */
  async rebuild(shard: Shard, until: Position): Promise<void> {
    try {
      await this.options.rebuild(shard, until);
    } catch (error) {
      this.lose(shard, error);
      throw error;
    }
    this.options.renew(shard);
  }

  /** Nothing may be stepped in a shard of which nobody knows what it holds. */
  private lose(shard: Shard, error: unknown): void {
    const { isClosed, log } = this.options;
    if (isClosed()) return;
    shard.lost = true;
    log.error(
      { err: error, shard: shard.index },
      "a shard could not be brought back: restart the server",
    );
  }

  /** The journal failed: a shard that nothing is stepped in goes back to what is on disk, and behind an entry whose VOID is not. */
  async goBack(shard: Shard, durable: Position): Promise<void> {
    if ((shard.unvoided ?? 0) > durable) shard.unvoided = undefined;
    const until = shard.unvoided === undefined ? durable : shard.unvoided - 1;
    if (shard.position <= until) return;
    await this.rebuild(shard, until);
    shard.position = shard.unvoided ?? durable;
  }

  /** The journal can be written again: before anything else it is told what is left out and it did not take. */
  goOn(shards: readonly Shard[]): void {
    const { journal } = this.options;
    for (const shard of shards) {
      if (shard.unvoided === undefined) continue;
      const voided = journal.appendVoid(shard.index, shard.unvoided);
      journal.whenDurable(voided, (durable) => {
        if (durable) shard.unvoided = undefined;
      });
    }
  }
}
