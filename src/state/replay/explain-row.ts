import { DetectorRuntime } from "../../admission/runtime.ts";
import { slotDetector } from "../../report/slot-detector.ts";
import type { SlotSpec } from "../../shard/journal.ts";
import {
  explainValues,
  Region as Offset,
  regionBase,
  Row,
  ROW_BYTES,
  RowFlag,
  VALUES_MAX,
} from "../../shard/layout.ts";
import { noTelemetry } from "../../telemetry/no-telemetry.ts";
import type { Replica } from "./replica.ts";

/**
 * Lets the step write the reasons of a row that was laid: it goes to the end of the region's values, where there is room for them. Its verdict is
 * the same. A row that had them asked for live stays as it is. Throws an Error when there is no such row, or no room.
 */
export function explainRow(
  { views, region }: Replica,
  row: number,
  slotAt: (slot: number) => SlotSpec | undefined,
): void {
  if (!(row >= 0 && row < region.rows)) {
    throw new Error(`the batch has ${region.rows} rows: there is no row ${row}`);
  }
  const base = regionBase(region.index);
  const at = base + Offset.rows + row * ROW_BYTES;
  const flags = views.u8[at + Row.flags] ?? 0;
  if ((flags & RowFlag.EXPLAIN) !== 0) return;
  const slot = region.slot(row);
  const spec = slotAt(slot);
  if (spec === undefined) throw new Error(`row ${row} is of a detector that is not there`);
  const detector = slotDetector(spec, slot);
  const runtime = new DetectorRuntime(detector, noTelemetry.detector(detector.name));
  const { columns, derived } = runtime;
  const sources = runtime.sources.length;
  const room = VALUES_MAX - (sources + derived + explainValues(columns) - columns);
  const first = (base + Offset.values) >>> 2;
  const from = views.u32[(at + Row.valuesOffset) >>> 2] ?? 0;
  for (let other = 0; other < region.rows; other++) {
    const offset = views.u32[(base + Offset.rows + other * ROW_BYTES + Row.valuesOffset) >>> 2] ?? 0;
    // The widest row there can be.
    if (other !== row && offset + ROW_VALUES_MAX > room) throw new Error("the batch is too full");
  }
  views.u32.copyWithin(first + room * 2, first + from * 2, first + (from + sources) * 2);
  views.u32[(at + Row.valuesOffset) >>> 2] = room;
  views.u8[at + Row.flags] = flags | RowFlag.EXPLAIN;
}

/** float64s of a row, with everything that a step writes behind it, at most. */
const ROW_VALUES_MAX = 4096;
