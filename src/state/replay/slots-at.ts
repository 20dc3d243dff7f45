import type { Position } from "../../shard/journal.ts";
import { Kind } from "../journal/entry.ts";
import { SnapshotDamage } from "../snapshot/format.ts";
import type { StateSource } from "./run-types.ts";
import { Slots } from "./slots.ts";

/** What the slots held before a position, without stepping a row. */
export function slotsAt(source: StateSource, position: Position): Slots {
  const { slots, after } = snapshotBefore(source, position);
  const kinds = [Kind.CHANGE, Kind.PROCESS];
  for (const entry of source.entries({ after, until: position - 1, kinds })) slots.apply(entry);
  return slots;
}

function snapshotBefore(
  source: StateSource,
  before: Position,
): { readonly slots: Slots; readonly after: Position } {
  for (const snapshot of source.snapshots()) {
    const { position } = snapshot;
    if (position >= before || position < source.first - 1) continue;
    try {
      return { slots: new Slots(snapshot.slots()), after: position };
    } catch (error) {
      if (!(error instanceof SnapshotDamage)) throw error;
    }
  }
  return { slots: new Slots(new Map()), after: 0 };
}
