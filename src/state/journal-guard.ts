import type { Clock } from "../domain/clock.ts";
import type { Position } from "../shard/journal.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { Journal } from "./journal/journal.ts";

export interface JournalGuardOptions {
  readonly journal: Journal;
  readonly shards: Pick<ShardSet, "goBack">;
  readonly clock: Clock;
  readonly log: {
    info(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

/** Between attempts to write again, ms. */
const PROBE_MS = 1000;

/**
 * What happens when the journal cannot be written (a full or failing disk): the shards go back to what is on disk, so that nothing is known that a
 * restart would forget; events are scored and teach nothing; and once a second it is tried whether the disk takes entries again.
 */
export class JournalGuard {
  /** Why nothing is learned; "" = everything is. */
  problem = "";
  /** Times that the journal failed. */
  failures = 0;
  /** Told when events begin or cease to teach. */
  onChange: ((learning: boolean) => void) | undefined;
  /** Called when the shards are back at what is on disk, while nothing is learned. */
  onWentBack: (() => Promise<void>) | undefined;
  /** Called when the journal can be written again, before anything else is: what is known and not in it can be told it. */
  onResumed: (() => void) | undefined;
  private cancel: (() => void) | undefined;
  private closed = false;
  private readonly options: JournalGuardOptions;

  constructor(options: JournalGuardOptions) {
    this.options = options;
    options.journal.onFailed = (error, durable) => void this.failed(error, durable);
  }

  close(): void {
    this.closed = true;
    this.cancel?.();
  }

  private async failed(error: Error, durable: Position): Promise<void> {
    const { shards, log } = this.options;
    this.failures++;
    this.problem = error.message;
    this.onChange?.(false);
    log.error(
      { why: error.message, position: durable },
      "the journal cannot be written: events are scored and teach nothing until it can",
    );
    try {
      await shards.goBack(durable);
      await this.onWentBack?.();
    } catch (thrown) {
      if (this.closed) return;
      log.error(
        { err: thrown },
        "the shards could not go back to what is on disk: restart the server",
      );
      return;
    }
    this.wait(durable);
  }

  private wait(durable: Position): void {
    if (this.closed) return;
    this.cancel = this.options.clock.after(PROBE_MS, () => void this.probe(durable));
  }

  private async probe(durable: Position): Promise<void> {
    const { journal, log } = this.options;
    try {
      await journal.resume();
      this.onResumed?.();
      this.problem = "";
      this.onChange?.(true);
      log.info({ position: durable }, "the journal can be written again: events teach again");
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      this.wait(durable);
    }
  }
}
