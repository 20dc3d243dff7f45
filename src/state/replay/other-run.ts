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
  Region as Offset,
  regionBase,
  Row,
  ROW_BYTES,
  RowFlag,
  Status,
} from "../../shard/layout.ts";
import { emptyRow } from "../../shard/region.ts";
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
  private readonly values: Float64Array;
  private readonly fields = emptyRow();
  private readonly mappings = new WeakMap<SlotSpec, Mapping>();
  private readonly hashKey = new Uint8Array(8);
  private sequence = 0;

  /** @param detector with known columns */
  constructor(detector: Detector, module: WebAssembly.Module, trainNow: TrainNow) {
    this.detector = detector;
    this.trainNow = trainNow;
    this.runtime = new DetectorRuntime(detector, noTelemetry.detector(detector.name));
    this.values = new Float64Array(this.runtime.sources.length);
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
   * Steps what a batch has of the detector's rows.
   * @param specOf what a slot held, where it is the detector; undefined = another's rows
   */
  feed(live: Replica, rows: number, specOf: (slot: number) => SlotSpec | undefined): void {
    const { region, kernel } = this.replica;
    region.clear();
    let known = -1;
    let mapping: Mapping | undefined;
    for (let row = 0; row < rows; row++) {
      const slot = live.region.slot(row);
      if (slot !== known) {
        known = slot;
        const spec = specOf(slot);
        mapping = spec === undefined ? undefined : this.mappingOf(spec, slot);
      }
      this.put(live, row, mapping);
    }
    region.seal();
    const done = kernel.step(region.index);
    if (done !== rows)
      throw new Error(`the other detector's step answered ${done} of ${rows} rows`);
    this.trainNow.trainDue(this.replica, () => this.detector);
  }

  private put(live: Replica, row: number, mapping: Mapping | undefined): void {
    const { fields } = this;
    fields.op = mapping === undefined ? Op.SKIP : this.opOf(live.op(row));
    fields.slot = OTHER_SLOT;
    fields.flags = 0;
    fields.requestRow = row;
    fields.keyLength = 0;
    fields.idLength = 0;
    fields.values = 0;
    fields.room = 0;
    if (mapping !== undefined && fields.op !== Op.SKIP) this.fill(live, row, mapping);
    this.replica.region.putRow(fields);
  }

  /** Lays a row's texts and values, and says so in `fields`. */
  private fill(live: Replica, row: number, mapping: Mapping): void {
    const { fields, runtime } = this;
    const { region } = this.replica;
    const at = regionBase(live.region.index) + Offset.rows + row * ROW_BYTES;
    const flags = (live.views.u8[at + Row.flags] ?? 0) & (RowFlag.SYSTEM_ACTION | RowFlag.HAS_ID);
    const id = (flags & RowFlag.HAS_ID) === 0 ? noBytes : live.id(row);
    const key = this.keyOf(live, row, at, mapping);
    if (fields.op !== Op.HEARTBEAT) {
      fields.values = runtime.sources.length;
      fields.room = runtime.derived;
    }
    const { values, room } = fields;
    if (!region.fits(1, values + room, key.length + id.length)) {
      throw new Error(
        `a batch of ${live.region.rows} rows has no room for ${values + room} values a row: the other detector's rows are too wide for it`,
      );
    }
    fields.arrivalMs = live.arrivalMs(row);
    fields.eventTimeMs = live.eventTimeMs(row);
    fields.keyOffset = region.putBytes(key, 0, key.length);
    fields.keyLength = key.length;
    fields.idOffset = region.putBytes(id, 0, id.length);
    fields.idLength = id.length;
    if (id.length > 0) this.sequence++;
    fields.sequence = this.sequence;
    const hasGaps = values > 0 && this.readValues(live, at, mapping);
    fields.flags = flags | (hasGaps ? RowFlag.HAS_MISSING : 0);
    fields.valuesOffset = region.putValues(this.values, 0, values, room);
  }

  /** What a fallback said is not the other detector's. */
  private opOf(op: number): number {
    const derives = this.detector.program !== undefined;
    if (op === Op.SCORE_AND_LEARN || op === Op.SCORE_ONLY || op === Op.LEARN_ONLY) return op;
    return derives && (op === Op.DERIVE || op === Op.HEARTBEAT) ? op : Op.SKIP;
  }

  /** The bytes of the key; sets its hash in the row. */
  private keyOf(live: Replica, row: number, at: number, { liveOneCell }: Mapping): Uint8Array {
    const { fields, hashKey } = this;
    const { u32 } = live.views;
    const clientLo = u32[(at + Row.clientLo) >>> 2] ?? 0;
    const clientHi = u32[(at + Row.clientHi) >>> 2] ?? 0;
    fields.clientLo = clientLo;
    fields.clientHi = clientHi;
    if (this.runtime.oneCell) {
      fields.hashLo = emptyKey.lo;
      fields.hashHi = emptyKey.hi;
      return noBytes;
    }
    if (!liveOneCell) {
      fields.hashLo = u32[(at + Row.hashLo) >>> 2] ?? 0;
      fields.hashHi = u32[(at + Row.hashHi) >>> 2] ?? 0;
      return live.key(row);
    }
    fields.hashLo = clientLo;
    fields.hashHi = clientHi;
    for (let i = 0; i < 4; i++) {
      hashKey[i] = clientLo >>> (8 * i);
      hashKey[4 + i] = clientHi >>> (8 * i);
    }
    return hashKey;
  }

  /** Whether a value is missing that the row will be without. */
  private readValues({ views, region }: Replica, at: number, { from }: Mapping): boolean {
    const { values, runtime } = this;
    const first =
      ((regionBase(region.index) + Offset.values) >>> 3) +
      (views.u32[(at + Row.valuesOffset) >>> 2] ?? 0);
    let gaps = false;
    for (let i = 0; i < from.length; i++) {
      let value = views.f64[first + (from[i] ?? 0)] ?? Number.NaN;
      if (Number.isNaN(value)) {
        const input = runtime.sources[i];
        if (input?.missing === "default") value = input.defaultValue;
        if (Number.isNaN(value)) gaps = true;
      }
      values[i] = value;
    }
    return gaps;
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
