import {
  BYTES_MAX,
  Op,
  OUTPUT_BYTES,
  Output,
  Region as Offset,
  regionBase,
  Row,
  ROW_BYTES,
} from "../../src/shard/layout.ts";
import { decodeChange, Kind } from "../../src/state/journal/entry.ts";
import type { Entry } from "../../src/state/journal/entry.ts";
import { readEntries, readVoids } from "../../src/state/journal/segments.ts";
import { equalMemories } from "../../src/state/replay/equal-memories.ts";
import { Replica } from "../../src/state/replay/replica.ts";
import { journalIn } from "../../src/state/replay/restore-shard.ts";
import type { Snapshot } from "../../src/state/snapshot/format.ts";
import {
  listSnapshots,
  readSnapshotShard,
  snapshotsIn,
} from "../../src/state/snapshot/snapshots.ts";
import { bitsOf, nameOf } from "./crash-ledger.ts";
import type { Ledger } from "./crash-ledger.ts";

/** What a row of the journal came to when it was stepped again. */
export interface JournaledRow {
  /** How often it was taken for new. */
  fresh: number;
  /** Of the first time, as the ledger has it. */
  readonly score: string;
}

/** A whole journal, stepped from nothing. */
export interface ColdReplay {
  /** Of the last entry. */
  readonly position: number;
  readonly rows: number;
  readonly shards: readonly Replica[];
  /** Rows with an id, by detector and id. */
  readonly journaled: ReadonlyMap<string, JournaledRow>;
}

export interface ColdOptions {
  readonly module: WebAssembly.Module;
  readonly shards: number;
  /** What a shard was given at first. */
  readonly memoryBytes: number;
  /** Up to this position. */
  readonly until?: number;
}

/** One uninterrupted run over the journal of a data directory that nobody uses. */
export function replayCold(data: string, options: ColdOptions): ColdReplay {
  const { module, memoryBytes, until = Number.MAX_SAFE_INTEGER } = options;
  const journal = journalIn(data);
  const voids = readVoids(journal, 0);
  const shards = Array.from({ length: options.shards }, () =>
    Replica.create(module, memoryBytes, voids),
  );
  const names = shards.map(() => new Map<number, string>());
  const journaled = new Map<string, JournaledRow>();
  let position = 0;
  let rows = 0;
  for (const entry of readEntries(journal, { after: 0, until })) {
    position = entry.position;
    const replica = shards[entry.shard];
    const slots = names[entry.shard];
    if (replica === undefined || slots === undefined) continue;
    noteName(entry, slots);
    const stepped = replica.apply(entry);
    rows += stepped;
    if (stepped > 0) noteRows(replica, slots, journaled);
  }
  return { position, rows, shards, journaled };
}

function noteName(entry: Entry, slots: Map<number, string>): void {
  if (entry.kind !== Kind.CHANGE) return;
  const change = decodeChange(entry.body);
  if (change.kind !== "create") return;
  const spec: unknown = JSON.parse(change.spec);
  if (typeof spec === "object" && spec !== null && "name" in spec) {
    slots.set(change.slot, String(spec.name));
  }
}

const decoder = new TextDecoder();
const learns: ReadonlySet<number> = new Set([Op.SCORE_AND_LEARN, Op.LEARN_ONLY]);

function noteRows(
  { views, region }: Replica,
  slots: ReadonlyMap<number, string>,
  journaled: Map<string, JournaledRow>,
): void {
  const base = regionBase(region.index);
  for (let row = 0; row < region.rows; row++) {
    const at = base + Offset.rows + row * ROW_BYTES;
    const output = base + Offset.outputs + row * OUTPUT_BYTES;
    const length = views.u16[(at + Row.idLength) >>> 1] ?? 0;
    if (length === 0 || !learns.has(views.u8[at + Row.op] ?? 0)) continue;
    if (views.u8[output + Output.replayed] === 1) continue;
    const from = base + Offset.bytes + (views.u32[(at + Row.idOffset) >>> 2] ?? BYTES_MAX);
    const id = idIn(views.u8.slice(from, from + length));
    const name = nameOf(slots.get(views.u16[(at + Row.slot) >>> 1] ?? 0) ?? "?", id);
    const score = bitsOf(views.f64[(output + Output.score) >>> 3]);
    const known = journaled.get(name);
    if (known === undefined) journaled.set(name, { fresh: 1, score });
    else known.fresh++;
  }
}

/** Ids of the ledger are digits. Where all keys share a cell, the client's key goes before its id, with a length of two bytes. */
function idIn(bytes: Uint8Array): string {
  const [low = 0, high = 0] = bytes;
  return decoder.decode(low < 0x30 ? bytes.subarray(2 + low + 256 * high) : bytes);
}

const MODEL = 1;

/**
 * What is wrong with the acknowledgements that a client got, beside a journal; none = all are kept.
 * @param before CLOCK_MONOTONIC: what was received later does not count
 */
export function brokenPromises(
  ledger: Ledger,
  journaled: ColdReplay["journaled"],
  before?: bigint,
): string[] {
  const broken = [...ledger.faults];
  for (const [name, { acknowledged }] of ledger.rows) {
    if (acknowledged === undefined) continue;
    if (before !== undefined && acknowledged.timeNs >= before) continue;
    const row = journaled.get(name);
    if (row === undefined) {
      const { score, source, timeNs } = acknowledged;
      const when = `at ${Number(timeNs / 1_000_000n)} ms`;
      broken.push(
        `${name} was acknowledged with ${score} (${source}) ${when}, and is not in the journal`,
      );
    } else if (row.fresh !== 1) broken.push(`${name} was learned ${row.fresh} times`);
    else if (acknowledged.source === MODEL && row.score !== acknowledged.score) {
      broken.push(`${name} was acknowledged with ${acknowledged.score}, and is ${row.score}`);
    }
  }
  return broken;
}

/** The newest snapshot that is sound; undefined = there is none. */
export function newestSnapshot(data: string): Snapshot | undefined {
  for (const listed of listSnapshots(snapshotsIn(data))) {
    if (listed.problem === undefined) return listed;
  }
  return undefined;
}

/** How the shards of a snapshot differ from an uninterrupted run up to its position; none = not at all. */
export function differences(
  snapshot: Snapshot,
  cold: Pick<ColdReplay, "shards">,
  module: WebAssembly.Module,
): string[] {
  return cold.shards.flatMap((replica, shard) => {
    const read = Replica.blank(module, replica.memory.buffer.byteLength);
    readSnapshotShard(snapshot, shard, read.views.u8);
    const different = equalMemories(replica.views.u8, read.views.u8);
    return different === undefined ? [] : [`shard ${shard}: ${different}`];
  });
}
