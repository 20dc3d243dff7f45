import type { Position } from "../shard/journal.ts";
import { Kind, type Entry } from "../state/journal/entry.ts";
import type { StateSource } from "../state/replay/run-types.ts";
import type { Slots } from "../state/replay/slots.ts";
import { slotsAt } from "../state/replay/slots-at.ts";
import { PackedRowsReader } from "./packed-row.ts";
import { sharedPairs, type SharedRows } from "./shared-pairs.ts";

/** Entries before and behind a batch among which a shadow's are that came at the same time, where it keeps its rows in other shards. */
const NEAR = 500;

/** A row of the journal. */
export interface RowPlace {
  readonly position: Position;
  readonly row: number;
}

/** Where what the client got was made: the shadow's row, of a row whose key was in a shadow's share. A row that is not there is its own. */
export function answeringRow(source: StateSource, place: RowPlace): RowPlace {
  const { position, row } = place;
  const [entry] = rowsOf(source, position - 1, position);
  if (entry === undefined || row >= entry.rows) return place;
  const packed = new PackedRowsReader(entry.body);
  if (!packed.isShared(row) || packed.isAside(row)) return place;
  const slots = slotsAt(source, position);
  const near = (): Iterable<Entry> => rowsOf(source, Math.max(0, position - NEAR), position + NEAR);
  return pairIn([entry], slots, place) ?? pairIn(near(), slots, place) ?? place;
}

function rowsOf(source: StateSource, after: Position, until: Position): Iterable<Entry> {
  return source.entries({ after, until, kinds: [Kind.ROWS] });
}

function pairIn(entries: Iterable<Entry>, slots: Slots, place: RowPlace): RowPlace | undefined {
  const places: { readonly packed: PackedRowsReader; readonly at: RowPlace }[] = [];
  for (const { body, position } of entries) {
    const packed = new PackedRowsReader(body);
    for (let row = 0; row < packed.rows; row++) {
      if (packed.isShared(row)) places.push({ packed, at: { position, row } });
    }
  }
  const wanted = places.findIndex(
    ({ at }) => at.position === place.position && at.row === place.row,
  );
  const other = sharedPairs(over(places, slots)).get(wanted);
  return other === undefined ? undefined : places[other]?.at;
}

function over(
  places: readonly { readonly packed: PackedRowsReader; readonly at: RowPlace }[],
  slots: Slots,
): SharedRows {
  const read = <T>(index: number, what: (packed: PackedRowsReader, row: number) => T): T => {
    const place = places[index];
    if (place === undefined) throw new Error(`no row ${index}`);
    return what(place.packed, place.at.row);
  };
  return {
    rows: places.length,
    isShared: () => true,
    isAside: (index) => read(index, (packed, row) => packed.isAside(row)),
    asked: (index) =>
      read(index, (packed, row) => slots.asked(packed.slot(row), packed.isAside(row))),
    client: (index) => read(index, (packed, row) => packed.client(row)),
    arrivalMs: (index) => read(index, (packed, row) => packed.arrivalMs(row)),
  };
}
