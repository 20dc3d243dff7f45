import { copyDetector } from "./copy-detector.ts";
import type { Change, Position, ShardJournal } from "./journal.ts";
import { Status } from "./layout.ts";
import { notLearning } from "./mender.ts";
import type { Mender } from "./mender.ts";
import type { ShardExports } from "./module.ts";
import type { Shard } from "./shard.ts";

export interface ShardChangesOptions {
  readonly shards: readonly Shard[];
  readonly journal: ShardJournal;
  readonly mender: Pick<Mender, "change">;
  /** How every detector was made, by slot. */
  readonly creations: Map<number, Change>;
  /** Queues work behind everything that was admitted to a shard before; nothing is stepped in it meanwhile. */
  readonly hold: <T>(shard: Shard, work: () => Promise<T>) => Promise<T>;
  /** The same, with the kernel: where it traps, the shard is recovered. */
  readonly exclusively: <T>(
    shard: Shard,
    work: (kernel: ShardExports) => T | Promise<T>,
  ) => Promise<T>;
}

/** What is changed in the shards beside their rows: journaled before it is made, and each change behind what was admitted before it. */
export class ShardChanges {
  private readonly options: ShardChangesOptions;

  constructor(options: ShardChangesOptions) {
    this.options = options;
  }

  /** Makes a detector's state in every shard, or in none. `block` is what the kernel reads from CONTROL; `spec` is for readers of the journal. */
  async createDetector(slot: number, block: Float64Array, spec = ""): Promise<void> {
    const change: Change = { kind: "create", slot, block, spec };
    this.options.creations.set(slot, change);
    const results = await this.changeAll(change);
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return;
    this.options.creations.delete(slot);
    await this.changeAll({ kind: "delete", slot });
    throw failed.reason;
  }

  /** Gives a detector other settings in every shard; rejects, and nothing has changed, when its state does not fit them. */
  async configureDetector(slot: number, block: Float64Array, spec = ""): Promise<void> {
    const change: Change = { kind: "configure", slot, block, spec };
    // What one shard takes all take: it depends on the configurations alone.
    await this.changeAllOrThrow(change);
    this.options.creations.set(slot, { ...change, kind: "create" });
  }

  async resetDetector(slot: number): Promise<void> {
    await this.changeAllOrThrow({ kind: "reset", slot });
  }

  async deleteDetector(slot: number): Promise<void> {
    await this.changeAllOrThrow({ kind: "delete", slot });
    this.options.creations.delete(slot);
  }

  /** How a detector of memories that were brought back was made. */
  know(slot: number, block: Float64Array, spec: string): void {
    this.options.creations.set(slot, { kind: "create", slot, block, spec });
  }

  /** Makes a change of one shard behind everything that was admitted to it before. Rejects when the kernel refuses it. */
  change(index: number, change: Change): Promise<void> {
    const shard = this.options.shards[index];
    if (shard === undefined) return Promise.reject(new Error(`no shard ${index}`));
    return this.options.hold(shard, async () => {
      if (this.options.journal.failed) throw notLearning();
      await this.make(shard, change, this.options.journal.appendChange(index, change));
    });
  }

  /** Gives a detector that was just made the state of another. `begins` is told when a shard is about to be copied; until then it has not changed. */
  async copyDetector(from: number, to: number, begins: (shard: Shard) => void): Promise<void> {
    const { journal } = this.options;
    const statuses = this.options.shards.map((shard) =>
      this.options.exclusively(shard, (kernel) => {
        begins(shard);
        return copyDetector(shard, kernel, { from, to, journal });
      }),
    );
    const failed = (await Promise.all(statuses)).find((status) => status !== Status.OK);
    if (this.options.journal.failed) throw notLearning();
    if (failed !== undefined) throw new Error(uncopied(failed));
  }

  private async changeAllOrThrow(change: Change): Promise<void> {
    const failed = (await this.changeAll(change)).find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  }

  /** Makes a change of all shards, each behind what was admitted to it before, and journals it in one piece: a crash leaves it made everywhere, or nowhere. */
  private async changeAll(change: Change): Promise<readonly PromiseSettledResult<void>[]> {
    let held = 0;
    const all = Promise.withResolvers<undefined>();
    const positions: Position[] = [];
    const append = (): void => {
      if (this.options.journal.failed) return;
      this.options.journal.together(() => {
        for (const { index } of this.options.shards)
          positions.push(this.options.journal.appendChange(index, change));
      });
    };
    const made = this.options.shards.map((shard) =>
      this.options.hold(shard, async () => {
        if (++held === this.options.shards.length) {
          append();
          all.resolve(undefined);
        }
        await all.promise;
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
    const status = await this.options.mender.change(shard, change, position);
    // A start may find what is left of a detector in some of the shards.
    const isGone = change.kind === "delete" && status === Status.UNKNOWN_DETECTOR;
    if (status !== Status.OK && !isGone) {
      throw new Error(`${change.kind} in shard ${shard.index}: status ${status}`);
    }
  }
}

/** Why a shard did not take the state of another detector. */
function uncopied(status: number): string {
  if (status === Status.NO_MEMORY) return "there is no memory for another";
  if (status === Status.KEYS_FULL) return "it has more keys than keys_max allows";
  return `the specification has another model, or other features (status ${status})`;
}
