import type { DetectorRuntime } from "../admission/runtime.ts";
import type { Detector, Input } from "../domain/detector.ts";
import type { Position } from "../shard/journal.ts";
import { ARENA_BASE, Op, RowFlag } from "../shard/layout.ts";
import { createMemory } from "../shard/module.ts";
import { packedRows, textsOf } from "../shard/move-packed.ts";
import { packedBytesMax, packedRowsOf, packRows } from "../shard/packed-rows.ts";
import { Region } from "../shard/region.ts";
import type { Views } from "../shard/region.ts";
import { viewsOf } from "../shard/shard.ts";
import { hasOneCell } from "../admission/one-cell.ts";

/** Over which entries of the journal a slot answered for a detector. */
export interface Stretch {
  readonly slot: number;
  /** From the next entry on; rows of shadows are none of it. */
  readonly after: Position;
  /** The last one; 0 = it still does. */
  until: Position;
  readonly version: number;
}

export interface Relayed {
  readonly packed: Uint8Array;
  /** Over `packed`. */
  readonly views: Views;
  readonly rows: number;
}

/** A stretch with how its rows become the other one's. */
interface Mapped {
  readonly stretch: Stretch;
  /** By source of the target: index among the sources of then. */
  readonly from: Int32Array;
}

/** Lays rows that the journal has of a detector for another one of the same name. Values are found by input. */
export class Relay {
  private readonly target: DetectorRuntime;
  private readonly stretches: readonly Mapped[];
  private readonly views = viewsOf(createMemory(ARENA_BASE));
  private readonly region = new Region(0, this.views);
  private readonly values: Float64Array;

  /**
   * Throws where rows of a stretch lack what the target needs.
   * @param detectorOf what answered in a stretch
   */
  constructor(
    target: DetectorRuntime,
    stretches: readonly Stretch[],
    detectorOf: (stretch: Stretch) => Detector,
  ) {
    this.target = target;
    this.values = new Float64Array(target.sources.length);
    this.stretches = stretches.map((stretch) => {
      const then = detectorOf(stretch);
      if (hasOneCell(then) !== hasOneCell(target.detector)) {
        throw new Error(
          `version ${stretch.version} kept its rows by another scope than that version`,
        );
      }
      const sources = then.program?.sources ?? then.features;
      const from = Int32Array.from(target.sources, (input) => indexIn(sources, input, stretch));
      return { stretch, from };
    });
  }

  /** The rows of an entry that are the detector's; undefined = it has none. */
  relay(position: Position, body: Uint8Array): Relayed | undefined {
    const views = over(body);
    const { region, target } = this;
    region.clear();
    // Rows share their texts: they are copied once.
    const { at: textAt, bytes } = textsOf(views);
    region.putBytes(views.u8, textAt, bytes);
    for (const { fields, from } of packedRows(views)) {
      const mapped = this.stretches.find(({ stretch: { slot, after, until } }) => {
        return slot === fields.slot && position > after && (until === 0 || position <= until);
      });
      const isShadow = (fields.flags & RowFlag.SHADOW) !== 0;
      if (mapped === undefined || isShadow || !this.takes(fields.op)) continue;
      const beats = fields.op === Op.HEARTBEAT;
      const hasGaps = !beats && this.readValues(views, from, mapped.from);
      const flags = fields.flags & (RowFlag.SYSTEM_ACTION | RowFlag.HAS_ID);
      fields.flags = flags | (hasGaps ? RowFlag.HAS_MISSING : 0) | RowFlag.SHADOW;
      fields.slot = target.detector.slot;
      fields.keyOffset -= textAt;
      fields.idOffset -= textAt;
      fields.values = beats ? 0 : this.values.length;
      fields.room = beats ? 0 : target.derived;
      if (!region.fits(1, fields.values + fields.room, 0)) {
        throw new Error(
          `the ${packedRowsOf(body)} rows of entry ${position} do not fit with what is derived from them`,
        );
      }
      fields.valuesOffset = region.putValues(this.values, 0, fields.values, fields.room);
      region.putRow(fields);
    }
    if (region.rows === 0) return undefined;
    const packed = over(new Uint8Array(packedBytesMax(region)));
    const length = packRows(region, this.views, packed, 0);
    return { packed: packed.u8.subarray(0, length), views: packed, rows: region.rows };
  }

  private takes(op: number): boolean {
    if (op === Op.HEARTBEAT) return this.target.detector.program !== undefined;
    return op === Op.SCORE_AND_LEARN || op === Op.SCORE_ONLY || op === Op.LEARN_ONLY;
  }

  /** Whether a value is missing that the model sees. */
  private readValues({ f64 }: Views, first: number, from: Int32Array): boolean {
    const { sources, modelFirst } = this.target;
    let hasGaps = false;
    for (let i = 0; i < from.length; i++) {
      let value = f64[first + (from[i] ?? 0)] ?? Number.NaN;
      const input = sources[i];
      if (Number.isNaN(value) && input?.missing === "default") value = input.defaultValue;
      if (i >= modelFirst && Number.isNaN(value)) hasGaps = true;
      this.values[i] = value;
    }
    return hasGaps;
  }
}

function indexIn(sources: readonly Input[], input: Input, { version }: Stretch): number {
  const index = sources.findIndex(({ name, type }) => name === input.name && type === input.type);
  if (index >= 0) return index;
  throw new Error(
    `version ${version} did not send "${input.name}" to the shards, so the journal does not have it`,
  );
}

function over(bytes: Uint8Array): Views {
  const { buffer } = bytes.byteOffset === 0 && bytes.byteLength % 8 === 0 ? bytes : padded(bytes);
  return {
    f64: new Float64Array(buffer, 0, buffer.byteLength >>> 3),
    u32: new Uint32Array(buffer),
    u16: new Uint16Array(buffer),
    u8: new Uint8Array(buffer),
  };
}

function padded(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array((bytes.length + 7) & ~7);
  copy.set(bytes);
  return copy;
}
