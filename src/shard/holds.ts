import { WeirError } from "../domain/errors.ts";
import type { Mender } from "./mender.ts";
import type { ShardExports } from "./module.ts";
import type { Shard } from "./shard.ts";

export interface HoldsOptions {
  readonly mender: Pick<Mender, "leaveOut" | "restore">;
  /** This thread's instance over a shard's memory, and another in its place. */
  readonly kernelOf: (shard: Shard) => ShardExports;
  readonly renew: (shard: Shard) => void;
  /** Something waits for its shard. */
  readonly wake: () => void;
  readonly isClosed: () => boolean;
}

/** Work on a shard while nothing is stepped in it, in its place among the rows. */
export class Holds {
  private readonly options: HoldsOptions;

  constructor(options: HoldsOptions) {
    this.options = options;
  }

  /**
   * Queues work for this thread behind everything that was admitted to the shard before; nothing is stepped in it meanwhile. Where the
   * kernel traps, the shard is recovered.
   */
  exclusively<T>(shard: Shard, work: (kernel: ShardExports) => T | Promise<T>): Promise<T> {
    return this.hold(shard, async () => {
      const before = shard.position;
      try {
        return await work(this.options.kernelOf(shard));
      } catch (error) {
        if (error instanceof WeirError) throw error;
        this.options.renew(shard);
        const { position } = shard;
        if (position > before) await this.options.mender.leaveOut(shard, position);
        else await this.options.mender.restore(shard);
        throw error;
      }
    });
  }

  /** Queues work behind everything that was admitted to the shard before; nothing is stepped in it meanwhile. */
  hold<T>(shard: Shard, work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.options.isClosed()) {
        reject(new Error("the shards are closed"));
        return;
      }
      shard.addControl(async () => {
        await work().then(resolve, (error: unknown) =>
          reject(error instanceof Error ? error : new Error(String(error))),
        );
      });
      this.options.wake();
    });
  }

  /** Whether a change took the shard. */
  start(shard: Shard): boolean {
    const control = shard.nextControl();
    if (control === undefined) return false;
    shard.busy = true;
    void control().finally(() => {
      shard.free();
      this.options.wake();
    });
    return true;
  }
}
