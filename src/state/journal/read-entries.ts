import { crc32 } from "node:zlib";
import type { DatabaseSync } from "node:sqlite";
import type { Position } from "../../shard/journal.ts";
import { JournalDamage } from "./damage.ts";
import { Kind } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { asDamage, chainIn, chainOf, listSegments, numberOf, openToRead } from "./segment-file.ts";
import type { EntryHead, SegmentInfo } from "./segment-file.ts";

export interface ReadOptions {
  /** Entries behind this position; 0 = from the first one there ever was. */
  readonly after: Position;
  /** Up to this position, which need not be there; absent = to the end. */
  readonly until?: Position;
  /** Bodies of other shards' entries are not read. */
  readonly shard?: number;
  /** Bodies of other kinds are not read. */
  readonly kinds?: readonly Kind[];
  /** Of `readVoids`: a VOID entry that is not among them is damage, of their index. */
  readonly voids?: ReadonlySet<Position>;
}

const ALL = -1;

/**
 * Entries in order, over all segments, one in memory at a time. Heads of all of them are checked as a chain, bodies of those that are given out.
 * Of a live journal: what was durable when its last segment was opened, or a little more.
 * @throws JournalDamage, NewerJournal, in the middle too: what came before is sound
 */
export function* readEntries(directory: string, options: ReadOptions): Generator<Entry, void> {
  const { after, until = Number.MAX_SAFE_INTEGER } = options;
  if (until <= after) return;
  const segments = listSegments(directory);
  const wanted = segments.filter((segment) => segment.last > after && segment.first <= until);
  const [first] = wanted;
  if (first !== undefined && first.first > after + 1) {
    const what = `the journal begins here; entries from ${after + 1} are not kept any more, or are missing`;
    throw new JournalDamage(first.path, first.first, what);
  }
  let chain: number | undefined;
  for (const segment of wanted) {
    const isLast = segment === segments.at(-1);
    const from = Math.max(after, segment.first - 1);
    const to = Math.min(until, isLast ? Number.MAX_SAFE_INTEGER : segment.last);
    chain = yield* readSegment(segment, { options, from, to, chain, isLast });
  }
}

interface Stretch {
  readonly options: ReadOptions;
  /** Behind this position. */
  readonly from: Position;
  readonly to: Position;
  /** After the segment before; undefined = it was not read. */
  readonly chain: number | undefined;
  readonly isLast: boolean;
}

function* readSegment(segment: SegmentInfo, stretch: Stretch): Generator<Entry, number> {
  const { path, first } = segment;
  const { from, to } = stretch;
  const { database, meta } = openToRead(path, first);
  let position = from;
  try {
    if (stretch.chain !== undefined && stretch.chain !== meta.chain) {
      throw new JournalDamage(
        path,
        first,
        "it does not follow the segment before it: their checksums differ",
      );
    }
    let chain = from < first ? meta.chain : chainIn(database, path, from);
    for (const row of select(database, stretch)) {
      const entry = checked(row, { path, position: position + 1, chain });
      chain = entry.chain;
      position++;
      if (entry.entry !== undefined) {
        checkVoid(entry.entry, path, stretch.options);
        if (isWanted(entry.entry, stretch.options)) yield entry.entry;
      }
      // What comes next may be damaged, where a start went on before it: not even SQLite looks at it.
      if (position === to) break;
    }
    if (!stretch.isLast && position < to) {
      throw new JournalDamage(path, position + 1, `entries ${position + 1} to ${to} are missing`);
    }
    return chain;
  } catch (error) {
    throw asDamage(error, path, position + 1);
  } finally {
    database.close();
  }
}

function isWanted({ shard, kind }: Entry, options: ReadOptions): boolean {
  const { shard: own = shard, kinds } = options;
  return shard === own && (kinds === undefined || kinds.includes(kind));
}

function checkVoid({ kind, body, position }: Entry, path: string, { voids }: ReadOptions): void {
  if (kind !== Kind.VOID || voids === undefined || voids.has(voidedBy(body))) return;
  throw new JournalDamage(
    path,
    position,
    "it is a VOID entry that the index of them does not have",
  );
}

type Row = Record<string, unknown>;

function select(database: DatabaseSync, { options, from, to }: Stretch): Iterable<Row> {
  const { shard = ALL, kinds, voids } = options;
  const mask = kinds === undefined ? ALL : kinds.reduce((bits, kind) => bits | (1 << kind), 0);
  return database
    .prepare(
      `SELECT position, shard, kind, unix_ms, rows, crc, chain, length(body) AS bytes,
         CASE WHEN (?1 < 0 OR shard = ?1) AND (?2 < 0 OR (?2 >> kind) & 1)
           OR (?5 AND kind = ${Kind.VOID}) THEN body END AS body
       FROM entries WHERE position > ?3 AND position <= ?4 ORDER BY position`,
    )
    .iterate(shard, mask, from, to, voids === undefined ? 0 : 1);
}

const known: ReadonlySet<number> = new Set(Object.values(Kind));

function isKind(kind: number): kind is Kind {
  return known.has(kind);
}

/** The chain after a row, and what it holds when its body was read. */
function checked(
  row: Row,
  expected: { readonly path: string; readonly position: Position; readonly chain: number },
): { readonly chain: number; readonly entry: Entry | undefined } {
  const damage = (what: string): JournalDamage =>
    new JournalDamage(expected.path, expected.position, what);
  const head = headOf(row);
  if (head.position !== expected.position) {
    throw damage(`it is missing; the next entry there is ${head.position}`);
  }
  const chain = numberOf(row["chain"]);
  if (chainOf(head, expected.chain) !== chain) {
    throw damage("its checksum in the chain is wrong: the entry or the one before it was altered");
  }
  const { body } = row;
  if (!(body instanceof Uint8Array)) return { chain, entry: undefined };
  if (crc32(body) !== head.crc) throw damage("the checksum of its body is wrong: it was altered");
  const { position, shard, kind, unixMs, rows } = head;
  if (!isKind(kind)) throw damage(`it is of the unknown kind ${kind}`);
  return { chain, entry: { position, shard, kind, unixMs, rows, body } };
}

function headOf(row: Row): EntryHead {
  return {
    position: numberOf(row["position"]),
    shard: numberOf(row["shard"]),
    kind: numberOf(row["kind"]),
    unixMs: numberOf(row["unix_ms"]),
    rows: numberOf(row["rows"]),
    bytes: numberOf(row["bytes"]),
    crc: numberOf(row["crc"]),
  };
}

/**
 * Positions of ROWS entries that VOID entries leave out, of all VOID entries behind `after`. Quick: they are found by an index.
 * @throws JournalDamage, NewerJournal
 */
export function readVoids(directory: string, after: Position): Set<Position> {
  const voids = new Set<Position>();
  for (const { path, first, last } of listSegments(directory)) {
    if (last <= after) continue;
    const { database } = openToRead(path, first);
    try {
      const rows = database
        .prepare(
          `SELECT position, crc, body FROM entries WHERE kind = ${Kind.VOID} AND position > ? AND position <= ?`,
        )
        .iterate(after, last);
      for (const { position, crc, body } of rows) {
        if (!(body instanceof Uint8Array) || crc32(body) !== crc) {
          throw new JournalDamage(path, numberOf(position), "the checksum of its body is wrong");
        }
        voids.add(voidedBy(body));
      }
    } catch (error) {
      throw asDamage(error, path, first);
    } finally {
      database.close();
    }
  }
  return voids;
}

/** The position that a VOID entry names; also whose verdicts a VERDICTS entry holds. */
export function voidedBy(body: Uint8Array): Position {
  return new DataView(body.buffer, body.byteOffset, body.byteLength).getFloat64(0, true);
}
