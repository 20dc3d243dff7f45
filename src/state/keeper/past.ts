import type { Position } from "../../shard/journal.ts";
import { JournalDamage } from "../journal/damage.ts";
import { Kind } from "../journal/entry.ts";
import type { Entry } from "../journal/entry.ts";
import { readEntries, readVoids } from "../journal/read-entries.ts";
import { listSegments } from "../journal/segments.ts";
import { ProcessState } from "../process-state.ts";
import { memoryGivenIn } from "../replay/given-memory.ts";
import { Replica } from "../replay/replica.ts";
import { journalIn, stateKinds } from "../replay/restore-shard.ts";
import { SnapshotDamage } from "../snapshot/format.ts";
import type { Snapshot } from "../snapshot/format.ts";
import {
  listSnapshots,
  readSnapshotProcess,
  readSnapshotShard,
  snapshotsIn,
} from "../snapshot/snapshots.ts";
import type { KeeperSetting } from "./protocol.ts";

export interface PastOptions extends Pick<
  KeeperSetting,
  "module" | "data" | "shards" | "memoryBytes"
> {
  /** Told after every entry, with the share of the way that is done and the rows replayed so far. */
  readonly onProgress?: (fraction: number, rows: number) => void;
}

/**
 * What the shards and the process were at a position: the newest sound snapshot before it and the entries after that. A file of a snapshot that
 * is damaged is passed by: then it is the snapshot before, and without any the journal from its first entry.
 */
export class Past {
  /** Snapshots at or before the position, the newest first. */
  readonly snapshots: readonly Snapshot[];
  /** What turned out to be damaged, in words, by the position of its snapshot. */
  readonly damaged = new Map<Position, string>();
  /** Rows replayed so far. */
  rows = 0;
  private readonly options: PastOptions;
  private readonly at: Position;
  private readonly journal: string;
  private voids: ReadonlySet<Position> | undefined;

  constructor(options: PastOptions, at: Position) {
    this.options = options;
    this.at = at;
    this.journal = journalIn(options.data);
    const usable: Snapshot[] = [];
    for (const listed of listSnapshots(snapshotsIn(options.data))) {
      if (listed.problem === undefined) {
        if (listed.position <= at) usable.push(listed);
      } else if (listed.problem instanceof SnapshotDamage) {
        this.damaged.set(listed.position, listed.problem.message);
      } else {
        throw listed.problem;
      }
    }
    this.snapshots = usable;
  }

  /** Whether a shard has an entry after `position`. */
  changed(shard: number, position: Position): boolean {
    const entries = this.entries(position, { shard, kinds: stateKinds });
    const { done } = entries.next();
    entries.return();
    return done !== true;
  }

  /** A shard as it was, in a memory of its own. Throws JournalDamage, ReplayError, and an Error where nothing to begin with is there. */
  replicaOf(shard: number): Replica {
    const replica = this.restored(shard);
    const from = replica.position;
    for (const entry of this.entries(from, { shard, kinds: stateKinds })) {
      this.rows += replica.apply(entry);
      this.tell(shard, (entry.position - from) / (this.at - from));
    }
    return replica;
  }

  /** What was kept outside of the shards. Throws as `replicaOf` does. */
  processState(): ProcessState {
    let from = 0;
    let state: ProcessState | undefined;
    for (const snapshot of this.snapshots) {
      state = this.attempt(snapshot, () => ProcessState.fromJson(readSnapshotProcess(snapshot)));
      from = snapshot.position;
      if (state !== undefined) break;
    }
    if (state === undefined) {
      this.requireWholeJournal();
      state = new ProcessState();
      from = 0;
    }
    for (const entry of this.entries(from, { kinds: [Kind.PROCESS] })) state.applyEntry(entry);
    return state;
  }

  /** Throws, in words, where the journal does not begin with the first entry there ever was. */
  requireWholeJournal(): void {
    const [first] = listSegments(this.journal);
    if (this.at === 0 || first?.first === 1) return;
    const begins = first === undefined ? "is empty" : `begins at position ${first.first}`;
    const why = [...this.damaged.values()].join("; ");
    throw new Error(
      `there is no sound snapshot at or before position ${this.at}, and the journal ${begins}${why === "" ? "" : `; ${why}`}`,
    );
  }

  private restored(shard: number): Replica {
    const { module } = this.options;
    const { memoryBytes } = this;
    for (const snapshot of this.snapshots) {
      const replica = this.attempt(snapshot, () => {
        const made = Replica.blank(module, memoryBytes, this.voidsOf());
        readSnapshotShard(snapshot, shard, made.views.u8);
        return made;
      });
      if (replica === undefined) continue;
      replica.position = snapshot.position;
      return replica;
    }
    this.requireWholeJournal();
    return Replica.create(module, memoryBytes, this.voidsOf());
  }

  /** As much as shards were ever given, as far as that is known. */
  private get memoryBytes(): number {
    const given = this.snapshots.map(({ manifest }) => manifest.memoryBytes);
    const later = memoryGivenIn(listSegments(this.journal));
    return Math.max(this.options.memoryBytes, later, ...given);
  }

  /** What comes of reading a snapshot; undefined = it is damaged, which is noted. */
  private attempt<T>({ position }: Snapshot, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SnapshotDamage)) throw error;
      this.damaged.set(position, error.message);
      return undefined;
    }
  }

  private voidsOf(): ReadonlySet<Position> {
    this.voids ??= readVoids(this.journal, this.snapshots.at(-1)?.position ?? 0);
    return this.voids;
  }

  /** Entries up to the position; all of them are there, or JournalDamage is thrown. */
  private *entries(
    after: Position,
    which: { readonly shard?: number; readonly kinds: readonly Kind[] },
  ): Generator<Entry, void> {
    yield* readEntries(this.journal, { after, until: this.at, ...which });
    const last = listSegments(this.journal).at(-1);
    if (last !== undefined && last.last < this.at) {
      const what = `the journal ends at ${last.last}`;
      throw new JournalDamage(last.path, last.last + 1, `${what}, before position ${this.at}`);
    }
  }

  private tell(shard: number, fraction: number): void {
    this.options.onProgress?.((shard + fraction) / this.options.shards, this.rows);
  }
}
