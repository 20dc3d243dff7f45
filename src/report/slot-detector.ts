import { hasOneCell } from "../admission/one-cell.ts";
import { makeDetector, withEncoding } from "../config/detector.ts";
import { normalizeSpec } from "../config/detector-spec.ts";
import type { Detector } from "../domain/detector.ts";
import type { SlotSpec } from "../shard/journal.ts";

/**
 * A detector as the journal says it was. Its encoded columns have their names; it cannot encode: rows of the journal are encoded already. Throws a
 * WeirError for a specification that this version does not take.
 */
export function slotDetector(written: SlotSpec, slot: number): Detector {
  const { encoded, name, spec } = written;
  const detector = makeDetector(name, slot, normalizeSpec(spec, `the specification of ${name}`));
  if (encoded === undefined) return detector;
  return withEncoding(detector, {
    columns: encoded,
    encode: noEncoding,
    learn: noEncoding,
    state: noEncoding,
    slots: new Set(),
    join: noEncoding,
    leave: noEncoding,
  });
}

function noEncoding(): never {
  throw new Error("a detector of the journal encodes no rows");
}

/** Whether its rows are rows of the key "" in the shards, and their ids have the clients' keys in them. */
export function isOneCell(detector: Detector): boolean {
  return hasOneCell(detector) && detector.program === undefined;
}
