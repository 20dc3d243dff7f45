import { hasOneCell } from "../../admission/one-cell.ts";
import { DetectorRuntime } from "../../admission/runtime.ts";
import { limits } from "../../config/limits.ts";
import { detectorBlock } from "../../control/detector-block.ts";
import type { Detector, Input } from "../../domain/detector.ts";
import { slotDetector } from "../../report/slot-detector.ts";
import type { SlotSpec } from "../../shard/journal.ts";
import { KeyHash } from "../../shard/key-hash.ts";
import {
  Op,
  OUTPUT_BYTES,
  Region as Offset,
  regionBase,
  Row,
  ROW_BYTES,
  ROWS_MAX,
  RowFlag,
  Status,
} from "../../shard/layout.ts";
import type { Region } from "../../shard/region.ts";
import { noTelemetry } from "../../telemetry/no-telemetry.ts";
import { applyChange } from "../../shard/apply-change.ts";
import { Replica } from "./replica.ts";
import type { TrainNow } from "./train-now.ts";

/** How rows of a detector of the journal become the other one's. */
interface Mapping {
  /** By source of the other detector: the live one's source. */
  readonly from: Int32Array;
  /** Rows of the key "" in the shards, of which only the hash of the client's key is known. */
  readonly liveOneCell: boolean;
}

const OTHER_SLOT = 0;
/** Of a key's hash, as a key. */
const HASH_BYTES = 8;
const noBytes = new Uint8Array(0);
const emptyKey = new KeyHash();
emptyKey.of(noBytes, 0, 0);

/**
 * Another detector over the rows of a replay, in one memory of its own for all shards: results do not depend on the number of shards. Its rows have
 * the indices of the batch; those of other detectors are skipped. Inputs are found by name and type.
 *
 * A detector whose rows share one cell does not know its clients' keys, only their hashes: for one that keeps keys apart, they are the keys.
 */
export class OtherRun {
  private readonly detector: Detector;
  private readonly runtime: DetectorRuntime;
  private readonly replica: Replica;
  private readonly trainNow: TrainNow;
  /** By source: what a row gets that lacks it; NaN = nothing. */
  private readonly defaults: Float64Array;
  private readonly mappings = new WeakMap<SlotSpec, Mapping>();
  private sequence = 0;
  /** Outputs of a batch's rows that were stepped before the rest of it. */
  private readonly said = new Uint8Array(ROWS_MAX * OUTPUT_BYTES);

  /** @param detector with known columns */
  constructor(detector: Detector, module: WebAssembly.Module, trainNow: TrainNow) {
    this.detector = detector;
    this.trainNow = trainNow;
    this.runtime = new DetectorRuntime(detector, noTelemetry.detector(detector.name));
    this.defaults = Float64Array.from(this.runtime.sources, ({ missing, defaultValue }) =>
      missing === "default" ? defaultValue : Number.NaN,
    );
    if (this.runtime.sources.length === 0) {
      throw new Error(
        `the detector ${detector.name} does not know its inputs: declare them, with their names in the journal`,
      );
    }
    this.replica = Replica.create(module, limits.shardMemoryBytesMax);
    const { kernel, views } = this.replica;
    const block = detectorBlock(detector);
    const status = applyChange(kernel, views, {
      kind: "create",
      slot: OTHER_SLOT,
      block,
      spec: "",
    });
    if (status !== Status.OK) {
      throw new Error(`the kernel took no detector ${detector.name}: status ${status}`);
    }
  }

  /** Of the newest batch. */
  get region(): Region {
    return this.replica.region;
  }

  /**
   * Steps what a batch has of the detector's rows: they are copied as they are, with their texts, and then made the other detector's. Where those
   * are too wide for one batch, in several.
   * @param specOf what a row's slot held, where the row is the detector's; undefined = another's
   */
  feed(live: Replica, rows: number, specOf: (row: number) => SlotSpec | undefined): void {
    const { region, kernel, views } = this.replica;
    const { outputs } = this.placesOf(0);
    region.clear();
    region.rows = rows;
    let first = 0;
    do {
      const end = this.lay(live, { first, rows }, specOf);
      region.seal();
      const done = kernel.step(region.index);
      if (done !== rows)
        throw new Error(`the other detector's step answered ${done} of ${rows} rows`);
      if (first > 0) views.u8.set(this.said.subarray(0, first * OUTPUT_BYTES), outputs);
      if (end < rows) {
        this.said.set(views.u8.subarray(outputs, outputs + end * OUTPUT_BYTES));
      }
      first = end;
    } while (first < rows);
    this.trainNow.trainDue(this.replica, () => this.detector);
  }

  /** Lays rows from `first` on, as many as have room with what is derived from them; the others are skipped. The row behind the last. */
  private lay(
    live: Replica,
    { first, rows }: { readonly first: number; readonly rows: number },
    specOf: (row: number) => SlotSpec | undefined,
  ): number {
    const { region, views } = this.replica;
    const { runtime } = this;
    const values = runtime.sources.length + runtime.derived;
    this.copy(live, rows);
    for (let row = 0; row < first; row++) views.u8[this.placesOf(row).row + Row.op] = Op.SKIP;
    let known: SlotSpec | undefined;
    let mapping: Mapping | undefined;
    let end = first;
    for (; end < rows; end++) {
      const spec = specOf(end);
      if (spec !== known) {
        known = spec;
        mapping = spec === undefined ? undefined : this.mappingOf(spec, live.region.slot(end));
      }
      if (mapping !== undefined && !region.fits(0, values, HASH_BYTES)) break;
      this.adapt(live, end, mapping);
    }
    if (end === first && first < rows) throw new Error(`a row has no room for ${values} values`);
    for (let row = end; row < rows; row++) views.u8[this.placesOf(row).row + Row.op] = Op.SKIP;
    return end;
  }

  /** The batch's rows and texts; its values are taken one by one. */
  private copy(live: Replica, rows: number): void {
    const { region, views } = this.replica;
    const from = regionBase(live.region.index);
    const to = regionBase(region.index);
    const copy = (at: number, bytes: number): void =>
      views.u8.set(live.views.u8.subarray(from + at, from + at + bytes), to + at);
    copy(Offset.rows, rows * ROW_BYTES);
    copy(Offset.bytes, live.region.bytesUsed);
    region.bytesUsed = live.region.bytesUsed;
    region.valuesUsed = 0;
  }

  /** Where a row and its output are in the memory. */
  private placesOf(row: number): { readonly row: number; readonly outputs: number } {
    const base = regionBase(this.replica.region.index);
    return {
      row: base + Offset.rows + row * ROW_BYTES,
      outputs: base + Offset.outputs + row * OUTPUT_BYTES,
    };
  }

  /** Makes a copied row the other detector's. */
  private adapt(live: Replica, row: number, mapping: Mapping | undefined): void {
    const { views } = this.replica;
    const at = this.placesOf(row).row;
    const op = mapping === undefined ? Op.SKIP : this.opOf(views.u8[at + Row.op] ?? 0);
    views.u8[at + Row.op] = op;
    if (mapping === undefined || op === Op.SKIP) return;
    views.u16[(at + Row.slot) >>> 1] = OTHER_SLOT;
    const flags = (views.u8[at + Row.flags] ?? 0) & (RowFlag.SYSTEM_ACTION | RowFlag.HAS_ID);
    if ((flags & RowFlag.HAS_ID) !== 0) this.sequence++;
    views.f64[(at + Row.sequence) >>> 3] = this.sequence;
    this.setKey(at, mapping);
    const hasGaps = op !== Op.HEARTBEAT && this.setValues(live, row, at, mapping);
    views.u8[at + Row.flags] = flags | (hasGaps ? RowFlag.HAS_MISSING : 0);
  }

  /** What a fallback said is not the other detector's. */
  private opOf(op: number): number {
    const derives = this.detector.program !== undefined;
    if (op === Op.SCORE_AND_LEARN || op === Op.SCORE_ONLY || op === Op.LEARN_ONLY) return op;
    return derives && (op === Op.DERIVE || op === Op.HEARTBEAT) ? op : Op.SKIP;
  }

  /** Where one of the two detectors has one cell: its rows have the key "". */
  private setKey(at: number, { liveOneCell }: Mapping): void {
    const { region, views } = this.replica;
    const { u8, u16, u32 } = views;
    if (this.runtime.oneCell) {
      u16[(at + Row.keyLength) >>> 1] = 0;
      u32[(at + Row.hashLo) >>> 2] = emptyKey.lo;
      u32[(at + Row.hashHi) >>> 2] = emptyKey.hi;
      return;
    }
    if (!liveOneCell) return;
    // Little-endian in the row, too: the hash's own bytes are the key.
    const offset = region.putBytes(u8, at + Row.clientLo, HASH_BYTES);
    u32[(at + Row.keyOffset) >>> 2] = offset;
    u16[(at + Row.keyLength) >>> 1] = HASH_BYTES;
    u32[(at + Row.hashLo) >>> 2] = u32[(at + Row.clientLo) >>> 2] ?? 0;
    u32[(at + Row.hashHi) >>> 2] = u32[(at + Row.clientHi) >>> 2] ?? 0;
  }

  /** Whether a value is missing that the row will be without. */
  private setValues(live: Replica, row: number, at: number, { from }: Mapping): boolean {
    const { runtime } = this;
    const { region, views } = this.replica;
    const values = from.length + runtime.derived;
    const to = region.valuesUsed;
    region.valuesUsed = to + values;
    views.u32[(at + Row.valuesOffset) >>> 2] = to;
    const first = (regionBase(region.index) + Offset.values) >>> 3;
    const liveFirst = live.valuesAt(row);
    let hasGaps = false;
    for (let i = 0; i < from.length; i++) {
      let value = live.views.f64[liveFirst + (from[i] ?? 0)] ?? Number.NaN;
      if (Number.isNaN(value)) {
        value = this.defaults[i] ?? Number.NaN;
        if (Number.isNaN(value)) hasGaps = true;
      }
      views.f64[first + to + i] = value;
    }
    return hasGaps;
  }

  private mappingOf(spec: SlotSpec, slot: number): Mapping {
    const known = this.mappings.get(spec);
    if (known !== undefined) return known;
    const live = slotDetector(spec, slot);
    const sources = live.program?.sources ?? live.features;
    const from = Int32Array.from(this.runtime.sources, (input) => {
      const index = sources.findIndex((each) => isSame(each, input));
      if (index >= 0) return index;
      const names = sources.map(({ name, type }) => `${name} (${type})`).join(", ");
      throw new Error(
        `the rows of ${spec.name} in the journal have no ${input.type} "${input.name}": they have ${names}`,
      );
    });
    const made = { from, liveOneCell: hasOneCell(live) && live.program === undefined };
    this.mappings.set(spec, made);
    return made;
  }
}

function isSame(a: Input, b: Input): boolean {
  return a.name === b.name && a.type === b.type;
}
