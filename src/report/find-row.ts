import type { Position } from "../shard/journal.ts";
import { Op } from "../shard/layout.ts";
import { decodeChange, Kind, type Entry } from "../state/journal/entry.ts";
import type { StateSource } from "../state/replay/run-types.ts";
import { isCatalogue } from "../state/replay/slots.ts";
import { PackedRowsReader } from "./packed-row.ts";

/** Entries that are looked through at once. */
const CHUNK = 4096;
const kinds = [Kind.ROWS, Kind.CHANGE, Kind.PROCESS];

/** Which events' rows are looked for. */
export interface WantedRow {
  readonly id: string;
  /** Undefined = of any key. */
  readonly key: string | undefined;
  /** Whether rows are looked for that were fed aside, or those that were not. */
  readonly isAside: boolean;
}

/** Going backwards: a row that may be one, or before here a slot may have been another detector's: that of `begins` had certainly none of its rows. */
export type Found =
  | {
      readonly kind: "row";
      readonly position: Position;
      readonly row: number;
      readonly slot: number;
      /** Whether the shadow of its detector answered it. */
      readonly isShared: boolean;
    }
  | { readonly kind: "names"; readonly begins: number | undefined };

/**
 * Rows that may be an event's, the newest first, from `until` back to `first`. Whether one is, its detector tells: ids of one-cell detectors have the key in
 * them. Holds one chunk's matches at a time.
 */
export function* rowsBackwards(
  source: StateSource,
  wanted: WantedRow,
  stretch: { readonly first: Position; readonly until: Position },
  onProgress: (position: Position) => void = () => undefined,
): Generator<Found, void> {
  const matcher = new IdMatcher(wanted);
  for (let until = stretch.until; until >= stretch.first; until -= CHUNK) {
    const after = Math.max(stretch.first, until - CHUNK + 1) - 1;
    const found: Found[] = [];
    for (const entry of source.entries({ after, until, kinds })) {
      if (entry.kind === Kind.ROWS) addRows(entry, matcher, found);
      else if (entry.kind === Kind.CHANGE) addSlot(entry, found);
      else if (isCatalogue(entry)) found.push({ kind: "names", begins: undefined });
    }
    yield* found.toReversed();
    onProgress(after);
  }
}

function addRows({ body, position }: Entry, matcher: IdMatcher, found: Found[]): void {
  const packed = new PackedRowsReader(body);
  for (let row = 0; row < packed.rows; row++) {
    if (!matcher.matches(packed, row)) continue;
    const op = packed.op(row);
    if (op < Op.SCORE_AND_LEARN || op > Op.LEARN_ONLY) continue;
    const [slot, isShared] = [packed.slot(row), packed.isShared(row)];
    found.push({ kind: "row", position, row, slot, isShared });
  }
}

function addSlot({ body }: Entry, found: Found[]): void {
  const change = decodeChange(body);
  if (change.kind === "configure") found.push({ kind: "names", begins: undefined });
  if (change.kind === "create" || change.kind === "delete") {
    found.push({ kind: "names", begins: change.slot });
  }
}

class IdMatcher {
  private readonly id: Buffer;
  private readonly key: Buffer | undefined;

  private readonly isAside: boolean;

  constructor({ id, isAside, key }: WantedRow) {
    this.isAside = isAside;
    this.id = Buffer.from(id);
    this.key = key === undefined ? undefined : Buffer.from(key);
  }

  matches(packed: PackedRowsReader, row: number): boolean {
    const { id, key } = this;
    if (packed.isAside(row) !== this.isAside) return false;
    const length = packed.idLength(row);
    if (length === id.length && id.equals(packed.id(row))) {
      return key === undefined || key.equals(packed.key(row));
    }
    // The key's length in two bytes, the key, the id: one-cell.ts.
    if (length < id.length + 2) return false;
    const scoped = packed.id(row);
    const end = length - id.length;
    if ((scoped[0] ?? 0) + (scoped[1] ?? 0) * 256 !== end - 2) return false;
    if (!id.equals(scoped.subarray(end))) return false;
    return key === undefined || key.equals(scoped.subarray(2, end));
  }
}
