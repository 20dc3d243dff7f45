import { isDeepStrictEqual } from "node:util";
import type { Position } from "../../shard/journal.ts";
import { Kind } from "../journal/entry.ts";
import type { Entry } from "../journal/entry.ts";
import { JournalDamage, listSegments, readEntries, readVoids } from "../journal/segments.ts";
import { releaseMemories } from "../keeper/release-memories.ts";
import { ProcessState } from "../process-state.ts";
import { equalMemories } from "../replay/equal-memories.ts";
import { Replica, ReplayError } from "../replay/replica.ts";
import { stateKinds } from "../replay/restore-shard.ts";
import type { Snapshot } from "../snapshot/format.ts";
import { readSnapshotProcess, readSnapshotShard } from "../snapshot/snapshots.ts";
import { isGone } from "./finding.ts";
import type { Found } from "./finding.ts";

export interface DeepOptions {
  readonly module: WebAssembly.Module;
  /** Where the segments are. */
  readonly journal: string;
  /** Sound ones, the newest first. */
  readonly snapshots: readonly Snapshot[];
}

/** Where a replay begins or is compared. */
interface Stop {
  readonly position: Position;
  /** Undefined = the journal's end. */
  readonly snapshot: Snapshot | undefined;
}

/**
 * Replays the journal from its first entry, or from the oldest snapshot where it does not go back that far, through every later snapshot to its end, and
 * compares what comes of it with what the snapshots hold, bit for bit. Where they differ, or an entry cannot be applied, it goes on from the next
 * snapshot. One shard after the other, then what is kept outside of them; needs the memory of two shards.
 */
export function* verifyDeep(options: DeepOptions): Generator<Found, void> {
  const { journal, snapshots } = options;
  const segments = listSegments(journal);
  const [oldest] = segments;
  if (oldest === undefined) return;
  const last = segments.at(-1)?.last ?? 0;
  const stops: Stop[] = snapshots
    .filter(({ position }) => position >= oldest.first - 1 && position <= last)
    .toReversed()
    .map((snapshot) => ({ position: snapshot.position, snapshot }));
  stops.push({ position: last, snapshot: undefined });
  const shards = snapshots[0]?.manifest.shards.length ?? shardsIn(options, last);
  const memoryBytes = Math.max(0, ...snapshots.map(({ manifest }) => manifest.memoryBytes));
  const way = { ...options, stops, cold: oldest.first === 1, memoryBytes };
  for (let shard = 0; shard < shards; shard++) yield* verifyShard(way, shard);
  yield* verifyProcess(way);
}

interface Way extends DeepOptions {
  /** In their order; the last one is the journal's end. */
  readonly stops: readonly Stop[];
  /** Whether the journal begins with the first entry there ever was. */
  readonly cold: boolean;
  /** That a shard may use, at most; 0 = no snapshot tells. */
  readonly memoryBytes: number;
}

/** Without a snapshot nothing says how much memory shards had: as much as one can have, of which what is touched is used. */
const MEMORY_BYTES_MAX = 65_535 * 65_536;

function* verifyShard(way: Way, shard: number): Generator<Found, void> {
  const { journal, stops } = way;
  const voids = readVoids(journal, way.cold ? 0 : (stops[0]?.position ?? 0));
  let replica = way.cold ? coldReplica(way, shard, voids) : undefined;
  let from = "the start";
  for (const { position, snapshot } of stops) {
    const there = snapshot === undefined ? undefined : restored(way, { snapshot, shard, voids });
    // A server that runs has removed it.
    if (snapshot !== undefined && there === undefined) continue;
    let problem: string | undefined;
    if (replica !== undefined) {
      const work = position - replica.position;
      problem = broughtTo(replica, { journal, shard, position, there });
      if (problem !== undefined) {
        const what = whatOf(`shard ${shard}`, from, { position, snapshot });
        yield { what, problem, work };
      }
    }
    if (problem !== "") {
      replica = there;
      from = `the snapshot at ${position}`;
    }
    releaseMemories();
  }
}

/** Undefined = the snapshot is not there any more. */
function restored(
  way: Way,
  {
    snapshot,
    shard,
    voids,
  }: {
    readonly snapshot: Snapshot;
    readonly shard: number;
    readonly voids: ReadonlySet<Position>;
  },
): Replica | undefined {
  const replica = Replica.blank(way.module, memoryOf(way), voids);
  try {
    readSnapshotShard(snapshot, shard, replica.views.u8);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  replica.position = snapshot.position;
  return replica;
}

const memoryOf = ({ memoryBytes }: Way): number =>
  memoryBytes === 0 ? MEMORY_BYTES_MAX : memoryBytes;

/** A shard as it was before the first entry. Where it was given other memory later, the journal says so. */
function coldReplica(way: Way, shard: number, voids: ReadonlySet<Position>): Replica {
  const replica = Replica.blank(way.module, memoryOf(way), voids);
  const first = way.snapshots.at(-1)?.manifest.shards[shard]?.memoryBytes;
  replica.kernel.initialize(first ?? MEMORY_BYTES_MAX);
  return replica;
}

/** Applies the shard's entries up to a position and compares. What is wrong; "" = nothing; undefined = a server that runs has removed the entries. */
function broughtTo(
  replica: Replica,
  to: {
    readonly journal: string;
    readonly shard: number;
    readonly position: Position;
    readonly there: Replica | undefined;
  },
): string | undefined {
  const { journal, shard, position, there } = to;
  const range = { after: replica.position, until: position, shard, kinds: stateKinds };
  try {
    for (const entry of readEntries(journal, range)) replica.apply(entry);
  } catch (error) {
    const begins = listSegments(journal)[0]?.first ?? 1;
    return begins > range.after + 1 ? undefined : failureOf(error);
  }
  replica.position = position;
  if (there === undefined) return "";
  const difference = equalMemories(replica.views.u8, there.views.u8);
  return difference === undefined ? "" : `replayed and stored state differ: ${difference}`;
}

function* verifyProcess(way: Way): Generator<Found, void> {
  const { journal, stops } = way;
  let state = way.cold ? new ProcessState() : undefined;
  let at = 0;
  let from = "the start";
  for (const { position, snapshot } of stops) {
    const stored = snapshot === undefined ? undefined : storedIn(snapshot);
    if (snapshot !== undefined && stored === undefined) continue;
    if (state !== undefined) {
      const problem = foldedTo(state, {
        entries: readEntries(journal, { after: at, until: position, kinds: [Kind.PROCESS] }),
        stored,
      });
      const work = position - at;
      yield { what: whatOf("the process", from, { position, snapshot }), problem, work };
      if (problem !== "") state = undefined;
    }
    at = position;
    if (state !== undefined || stored === undefined) continue;
    state = ProcessState.fromJson(stored);
    from = `the snapshot at ${position}`;
  }
}

/** Undefined = the snapshot is not there any more. */
function storedIn(snapshot: Snapshot): unknown {
  try {
    return readSnapshotProcess(snapshot);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function foldedTo(
  state: ProcessState,
  { entries, stored }: { readonly entries: Iterable<Entry>; readonly stored: unknown },
): string {
  try {
    for (const entry of entries) state.applyEntry(entry);
  } catch (error) {
    return failureOf(error);
  }
  if (stored === undefined) return "";
  // As JSON: what is absent and what is undefined are one there.
  const folded: unknown = JSON.parse(JSON.stringify(state.toJson()));
  return isDeepStrictEqual(folded, stored) ? "" : "replayed and stored state differ";
}

function whatOf(whose: string, from: string, { position, snapshot }: Stop): string {
  const to =
    snapshot === undefined
      ? `the journal's end at ${position}: every entry can be applied`
      : `${position}: as in the snapshot`;
  return `state of ${whose}, replayed from ${from} to ${to}`;
}

function failureOf(error: unknown): string {
  if (error instanceof JournalDamage || error instanceof ReplayError) return error.message;
  throw error;
}

/** Of a journal without snapshots: as many as its entries speak of. */
function shardsIn({ journal }: DeepOptions, last: Position): number {
  let shards = 0;
  for (const { shard } of readEntries(journal, { after: 0, until: last, kinds: stateKinds })) {
    shards = Math.max(shards, shard + 1);
  }
  return shards;
}
