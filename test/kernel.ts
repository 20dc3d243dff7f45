import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { Kind } from "../src/models/kinds.ts";
import type { Normalization } from "../src/models/module.ts";
import { Program } from "../src/shard/feature-program.ts";
import * as layout from "../src/shard/layout.ts";
import { compileModule, createMemory, instantiate } from "../src/shard/module.ts";
import type { ShardExports } from "../src/shard/module.ts";
import { controlBlock } from "./control-block.ts";

export { controlBlock } from "./control-block.ts";

/** Both builds of the kernel, for `describe.each`: they must agree in everything. WEIR_TEST_KERNEL: that one alone. */
export const builds: readonly (readonly [name: string, path: string])[] =
  process.env["WEIR_TEST_KERNEL"] === undefined
    ? [
        ["release", fileURLToPath(new URL("../build/weir.wasm", import.meta.url))],
        ["debug", fileURLToPath(new URL("../build/weir.debug.wasm", import.meta.url))],
      ]
    : [["given", process.env["WEIR_TEST_KERNEL"]]];

export interface DetectorOptions {
  /** Columns of the model. */
  readonly features: number;
  readonly trees?: number;
  readonly height?: number;
  readonly window?: number;
  readonly seed?: bigint;
  readonly scaler?: 0 | 1 | 2;
  readonly burnIn?: number;
  readonly threshold?: number;
  readonly alertShare?: number;
  readonly keysPerPartition?: number;
  readonly refuse?: boolean;
  readonly keyTtlMs?: number;
  readonly idsMax?: number;
  readonly learnSystemActions?: boolean;
  readonly order?: readonly number[];
  readonly limits?: ReadonlyMap<number, readonly [number, number]>;
  /** A window model instead of Half-Space Trees; then the threshold is fixed. */
  readonly windowModel?: WindowModelOptions;
  /** A feature program as the control block has it (src/shard/feature-program.ts). */
  readonly program?: Float64Array;
}

export interface WindowModelOptions {
  readonly kind: Kind;
  readonly windowRows: number;
  readonly minSamples: number;
  readonly retrainInterval: number;
  readonly normalization?: Normalization;
  readonly dropFlagged?: boolean;
  readonly rolling?: readonly number[];
  readonly lags?: readonly number[];
}

/** A training that was taken. */
export interface TakenTraining {
  readonly handle: number;
  readonly slot: number;
  readonly keyHash: bigint;
  readonly version: number;
  readonly position: number;
  readonly dueAt: number;
  readonly columns: number;
  readonly rows: Float64Array;
}

export interface RowInput {
  readonly slot?: number;
  readonly op?: number;
  readonly key?: string;
  readonly id?: string;
  readonly values?: readonly number[];
  readonly systemAction?: boolean;
  readonly explain?: boolean;
  readonly arrivalMs?: number;
  /** Arrival when it is absent. */
  readonly eventTimeMs?: number;
  readonly sequence?: number;
}

export interface RowOutput {
  readonly score: number;
  readonly raw: number;
  readonly threshold: number;
  readonly state: number;
  readonly anomaly: number;
  readonly replayed: number;
  readonly source: number;
  readonly rule: number;
  readonly status: number;
  readonly systemAction: number;
  readonly modelVersion: number;
  readonly timeliness: number;
}

/** What a row of a detector with a feature program got: features in the kernel's order, and which took their default. */
export interface RowFeatures {
  readonly values: readonly number[];
  readonly defaults: bigint;
}

/** What an EXPLAIN row got; baseline NaN = not explained. */
export interface RowExplanation {
  readonly contributions: readonly number[];
  readonly expected: readonly number[];
  readonly baseline: number;
}

/** Where a region is, and how much of it is taken. */
interface Place {
  readonly base: number;
  readonly used: { text: number; values: number };
}

const hashes = new Map<string, readonly [lo: number, hi: number]>();

/** Any good 64-bit hash will do: the kernel only asks that equal keys have equal hashes. */
export function hashOf(key: string): readonly [lo: number, hi: number] {
  let hash = hashes.get(key);
  if (hash === undefined) {
    const digest = createHash("md5").update(key).digest();
    hash = [digest.readUInt32LE(0), digest.readUInt32LE(4)];
    hashes.set(key, hash);
  }
  return hash;
}

/** One shard as the host would drive it, row by row. */
export class TestShard {
  readonly memory: WebAssembly.Memory;
  readonly kernel: ShardExports;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly encoder = new TextEncoder();
  private readonly layouts = new Map<number, RowLayout>();
  private sequence = 0;

  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory, fresh = true) {
    this.memory = memory;
    this.kernel = instantiate(module, memory);
    this.bytes = new Uint8Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    if (fresh) {
      const status = this.kernel.initialize(memory.buffer.byteLength);
      if (status !== layout.Status.OK) throw new Error(`initialize: status ${status}`);
    }
  }

  static async make(path: string, bytes: number = 64 << 20): Promise<TestShard> {
    return new TestShard(await compileModule(path), createMemory(bytes));
  }

  /** The same shard over a copy of its memory. */
  copy(module: WebAssembly.Module): TestShard {
    const memory = createMemory(this.memory.buffer.byteLength);
    new Uint8Array(memory.buffer).set(this.bytes);
    const other = new TestShard(module, memory, false);
    for (const [slot, row] of this.layouts) other.layouts.set(slot, row);
    other.sequence = this.sequence;
    return other;
  }

  /** How rows of a slot are laid out, of a detector that another instance made. */
  learnLayout(options: DetectorOptions, slot: number): void {
    this.layouts.set(slot, layoutOf(options));
  }

  create(options: DetectorOptions, slot = 0): number {
    new Float64Array(this.memory.buffer).set(controlBlock(options), layout.CONTROL_BASE >>> 3);
    this.learnLayout(options, slot);
    return this.kernel.createDetector(slot);
  }

  /** Gives the detector other settings. Status. */
  configure(options: DetectorOptions, slot = 0): number {
    new Float64Array(this.memory.buffer).set(controlBlock(options), layout.CONTROL_BASE >>> 3);
    return this.kernel.configureDetector(slot);
  }

  /** A detector's state, part by part. */
  exportState(slot = 0): Uint8Array[] {
    const parts: Uint8Array[] = [];
    const at = this.kernel.transferAddress() >>> 0;
    for (let start = 1; ; start = 0) {
      const bytes = this.kernel.exportState(slot, start) >>> 0;
      if (bytes === 0) return parts;
      parts.push(this.bytes.slice(at, at + bytes));
    }
  }

  /** Takes parts of a state until one is refused. Status. */
  importState(parts: readonly Uint8Array[], slot = 0): number {
    const at = this.kernel.transferAddress() >>> 0;
    for (const part of parts) {
      this.bytes.set(part, at);
      const status = this.kernel.importState(slot, part.length);
      if (status !== layout.Status.OK) return status;
    }
    return layout.Status.OK;
  }

  /** Lays rows into a region; a row with an id gets the next sequence unless it names its own. */
  write(rows: readonly RowInput[], region = 0): void {
    const base = layout.regionBase(region);
    const used = { text: 0, values: 0 };
    for (const [index, row] of rows.entries()) {
      const at = base + layout.Region.rows + index * layout.ROW_BYTES;
      this.view.setUint16(at + layout.Row.slot, row.slot ?? 0, true);
      this.view.setUint8(at + layout.Row.op, row.op ?? layout.Op.SCORE_AND_LEARN);
      this.view.setUint8(at + layout.Row.flags, flagsOf(row));
      this.view.setFloat64(at + layout.Row.arrivalMs, row.arrivalMs ?? 0, true);
      const eventTimeMs = row.eventTimeMs ?? row.arrivalMs ?? 0;
      this.view.setFloat64(at + layout.Row.eventTimeMs, eventTimeMs, true);
      this.writeText(row, at, { base, used });
      this.writeValues(row, at, { base, used });
    }
    this.view.setUint32(base + layout.RegionHeader.rows, rows.length, true);
  }

  private writeText(row: RowInput, at: number, { base, used }: Place): void {
    const key = this.encoder.encode(row.key ?? "");
    const id = this.encoder.encode(row.id ?? "");
    const [lo, hi] = hashOf(row.key ?? "");
    this.bytes.set(key, base + layout.Region.bytes + used.text);
    this.view.setUint32(at + layout.Row.keyOffset, used.text, true);
    this.view.setUint16(at + layout.Row.keyLength, key.length, true);
    used.text += key.length;
    this.bytes.set(id, base + layout.Region.bytes + used.text);
    this.view.setUint32(at + layout.Row.idOffset, used.text, true);
    this.view.setUint16(at + layout.Row.idLength, id.length, true);
    used.text += id.length;
    this.view.setUint32(at + layout.Row.hashLo, lo, true);
    this.view.setUint32(at + layout.Row.hashHi, hi, true);
    if (row.id === undefined) return;
    this.view.setFloat64(at + layout.Row.sequence, row.sequence ?? ++this.sequence, true);
  }

  private writeValues(row: RowInput, at: number, { base, used }: Place): void {
    const values = row.values ?? [];
    this.view.setUint32(at + layout.Row.valuesOffset, used.values, true);
    for (const [i, x] of values.entries()) {
      this.view.setFloat64(base + layout.Region.values + 8 * (used.values + i), x, true);
    }
    const { row: own, model } = this.layouts.get(row.slot ?? 0) ?? noLayout;
    used.values +=
      (row.op === layout.Op.AMEND ? values.length : Math.max(values.length, own)) +
      (row.explain === true ? 2 * model + 1 : 0);
  }

  /** Runs rows as one batch and reads what came out. */
  step(rows: readonly RowInput[], region = 0): RowOutput[] {
    this.write(rows, region);
    const done = this.kernel.step(region);
    if (done !== rows.length) throw new Error(`step answered ${done} for ${rows.length} rows`);
    return rows.map((_, index) => this.output(index, region));
  }

  output(index: number, region = 0): RowOutput {
    const at = layout.regionBase(region) + layout.Region.outputs + index * layout.OUTPUT_BYTES;
    const { Output } = layout;
    return {
      score: this.view.getFloat64(at + Output.score, true),
      raw: this.view.getFloat64(at + Output.raw, true),
      threshold: this.view.getFloat64(at + Output.threshold, true),
      state: this.view.getUint8(at + Output.state),
      anomaly: this.view.getUint8(at + Output.anomaly),
      replayed: this.view.getUint8(at + Output.replayed),
      source: this.view.getUint8(at + Output.source),
      rule: this.view.getInt32(at + Output.rule, true),
      status: this.view.getUint32(at + Output.status, true),
      systemAction: this.view.getUint8(at + Output.systemAction),
      modelVersion: this.view.getUint32(at + Output.modelVersion, true),
      timeliness: this.view.getUint8(at + Output.timeliness),
    };
  }

  /** Where a row's float64s are, and how they are laid out. */
  private valuesAt(index: number, region: number): { first: number; is: RowLayout } {
    const base = layout.regionBase(region);
    const row = base + layout.Region.rows + index * layout.ROW_BYTES;
    const offset = this.view.getUint32(row + layout.Row.valuesOffset, true);
    const is = this.layouts.get(this.view.getUint16(row + layout.Row.slot, true)) ?? noLayout;
    return { first: base + layout.Region.values + 8 * offset, is };
  }

  explanation(index: number, features: number, region = 0): RowExplanation {
    const { first, is } = this.valuesAt(index, region);
    const read = (i: number): number => this.view.getFloat64(first + 8 * (is.row + i), true);
    return {
      contributions: Array.from({ length: features }, (_, i) => read(i)),
      expected: Array.from({ length: features }, (_, i) => read(features + i)),
      baseline: read(2 * features),
    };
  }

  featuresOf(index: number, region = 0): RowFeatures {
    const { first, is } = this.valuesAt(index, region);
    const at = first + 8 * is.sources;
    return {
      values: Array.from({ length: is.derived }, (_, i) => this.view.getFloat64(at + 8 * i, true)),
      defaults: this.view.getBigUint64(at + 8 * is.derived, true),
    };
  }

  counter(name: Exclude<keyof typeof layout.Slot, "detector">, slot = 0): number {
    const at = layout.slotBase(slot) + layout.Slot[name];
    return words.has(name) ? this.view.getUint32(at, true) : this.view.getFloat64(at, true);
  }

  /** Takes the training that became due first, and gives its copy back. */
  take(): TakenTraining | undefined {
    const at = this.kernel.takeTraining() >>> 0;
    if (at === 0) return undefined;
    const { Ticket } = layout;
    const columns = this.view.getUint32(at + Ticket.columns, true);
    const count = this.view.getUint32(at + Ticket.count, true);
    const first = this.view.getUint32(at + Ticket.rows, true) + layout.BLOCK_HEADER;
    const lo = BigInt(this.view.getUint32(at + Ticket.hashLo, true));
    const hi = BigInt(this.view.getUint32(at + Ticket.hashHi, true));
    const taken = {
      handle: this.view.getFloat64(at + Ticket.handle, true),
      slot: this.view.getUint32(at + Ticket.slot, true),
      keyHash: (hi << 32n) | lo,
      version: this.view.getUint32(at + Ticket.version, true),
      position: this.view.getFloat64(at + Ticket.position, true),
      dueAt: this.view.getFloat64(at + Ticket.dueAt, true),
      columns,
      rows: new Float64Array(this.memory.buffer.slice(first, first + columns * count * 8)),
    };
    this.kernel.releaseRows(taken.handle);
    return taken;
  }

  /** Puts a model in. Status. */
  swap(handle: number, model: Uint8Array): number {
    const at = this.kernel.placeModel(handle, model.length) >>> 0;
    if (at !== 0) this.bytes.set(model, at);
    return this.kernel.swapModel(handle, at);
  }

  get trainingsDue(): number {
    return this.view.getUint32(layout.Root.trainingsDue, true);
  }

  setFaults(on: boolean): void {
    Atomics.store(new Uint32Array(this.memory.buffer), layout.Root.faults >>> 2, on ? 1 : 0);
  }

  /** Digest of the key's state; 0n = no such key. */
  digest(key: string, slot = 0): bigint {
    this.write([{ key, slot, op: layout.Op.SKIP }], 1);
    return this.kernel.keyDigest(1, 0);
  }
}

/** float64s of a row, without its explanation, and what they are. */
interface RowLayout {
  readonly row: number;
  readonly sources: number;
  readonly derived: number;
  readonly model: number;
}

const noLayout: RowLayout = { row: 0, sources: 0, derived: 0, model: 0 };

function layoutOf({ features: model, program }: DetectorOptions): RowLayout {
  if (program === undefined) return { row: model, sources: model, derived: 0, model };
  const sources = program[Program.sources] ?? 0;
  const derived = program[Program.features] ?? 0;
  return { row: sources + derived + 1, sources, derived, model };
}

/** Counters of 32 bits. */
const words: ReadonlySet<string> = new Set<keyof typeof layout.Slot>([
  "generation",
  "keys",
  "structures",
  "idsRemembered",
  "cellState",
  "cellRows",
  "cellVersion",
  "keysInPanes",
]);

function flagsOf(row: RowInput): number {
  const { RowFlag } = layout;
  return (
    (row.systemAction === true ? RowFlag.SYSTEM_ACTION : 0) |
    (row.explain === true ? RowFlag.EXPLAIN : 0) |
    ((row.values ?? []).some(Number.isNaN) ? RowFlag.HAS_MISSING : 0) |
    (row.id === undefined ? 0 : RowFlag.HAS_ID)
  );
}

/** Small, fast, seeded: the same rows on every machine. */
export function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Normal deviate from a uniform source. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
