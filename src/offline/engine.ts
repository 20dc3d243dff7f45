import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { DetectorRuntime } from "../admission/runtime.ts";
import { detectorBlock } from "../control/detector-block.ts";
import type { Detector } from "../domain/detector.ts";
import { Timeliness } from "../domain/verdict.ts";
import { noTelemetry } from "../telemetry/no-telemetry.ts";
import { CONTROL_BASE, Op, ROWS_MAX, Root, Slot, Status } from "../shard/layout.ts";
import { VALUES_MAX, slotBase } from "../shard/layout.ts";
import { compileModule, createMemory, instantiate } from "../shard/module.ts";
import type { ShardExports } from "../shard/module.ts";
import { Region, emptyRow } from "../shard/region.ts";
import type { Views } from "../shard/region.ts";
import { viewsOf } from "../shard/shard.ts";
import { limits } from "../config/limits.ts";

/** One row as the kernel takes it. */
export interface EngineRow {
  readonly key: Uint8Array;
  readonly keyLength: number;
  readonly hashLo: number;
  readonly hashHi: number;
  readonly flags: number;
  readonly timeMs: number;
  readonly arrivalMs: number;
  /** Its sources begin here in `values`. */
  readonly values: Float64Array;
  readonly from: number;
}

/** What became of the rows of a batch. */
export interface Derived {
  /** By feature, in the specification's order: a value a row, NaN where the row was refused for its time. */
  readonly features: readonly Float64Array[];
  /** By row: bits of features that took their default, by position in the specification, 32 a word. */
  readonly defaulted: readonly [Uint32Array, Uint32Array];
  /** By row: Timeliness. */
  readonly timeliness: Uint8Array;
  /** By row: Status. */
  readonly statuses: Uint8Array;
}

export interface EngineCounters {
  readonly keys: number;
  readonly keysEvicted: number;
  readonly keysExpired: number;
  readonly keysInPanes: number;
  readonly rowsLate: number;
  readonly rowsFuture: number;
  readonly stateBytes: number;
}

/** One shard that only derives features: the same kernel as in a server, called by this thread. */
export class Engine {
  readonly runtime: DetectorRuntime;
  /** Rows of one batch. */
  readonly rowsMax: number;
  private readonly kernel: ShardExports;
  private readonly views: Views;
  private readonly region: Region;
  private readonly fields = emptyRow();
  private readonly derived: Derived;

  /** `restore` writes what `memory` was of an engine of the same detector and kernel; undefined = no key is known. */
  constructor(
    detector: Detector,
    module: WebAssembly.Module,
    restore: ((memory: Uint8Array) => void) | undefined,
  ) {
    const memory = createMemory(limits.shardMemoryBytesMax);
    this.views = viewsOf(memory);
    this.runtime = new DetectorRuntime(detector, noTelemetry.detector(detector.name));
    const valuesPerRow = this.runtime.sources.length + this.runtime.derived;
    this.rowsMax = Math.min(ROWS_MAX, Math.floor(VALUES_MAX / valuesPerRow));
    restore?.(this.views.u8);
    this.kernel = instantiate(module, memory);
    this.region = new Region(0, this.views);
    this.fields.op = Op.DERIVE;
    this.derived = {
      features: Array.from(
        { length: this.runtime.derived - 1 },
        () => new Float64Array(this.rowsMax),
      ),
      defaulted: [new Uint32Array(this.rowsMax), new Uint32Array(this.rowsMax)],
      timeliness: new Uint8Array(this.rowsMax),
      statuses: new Uint8Array(this.rowsMax),
    };
    if (restore === undefined) this.create(memory.buffer.byteLength);
  }

  /** All that the next features depend on: the used part of the memory, as it is now. */
  get memory(): Uint8Array {
    return this.views.u8.subarray(0, this.views.u32[Root.arenaTop >>> 2] ?? 0);
  }

  /** Whether one more row fits into the batch. */
  fits(keyLength: number): boolean {
    const { sources, derived } = this.runtime;
    return this.region.fits(1, sources.length + derived, keyLength);
  }

  add(row: EngineRow): void {
    const { region, fields, runtime } = this;
    const sources = runtime.sources.length;
    fields.flags = row.flags;
    fields.hashLo = row.hashLo;
    fields.hashHi = row.hashHi;
    fields.clientLo = row.hashLo;
    fields.clientHi = row.hashHi;
    fields.arrivalMs = row.arrivalMs;
    fields.eventTimeMs = row.timeMs;
    fields.keyOffset = region.putBytes(row.key, 0, row.keyLength);
    fields.keyLength = row.keyLength;
    fields.valuesOffset = region.putValues(row.values, row.from, sources, runtime.derived);
    region.putRow(fields);
  }

  /** Derives the features of the rows that were added; valid until the next batch. */
  run(): Derived {
    const { region } = this;
    const { rows } = region;
    region.seal();
    const done = this.kernel.step(region.index);
    if (done !== rows) throw new Error(`the kernel answered ${done} for ${rows} rows`);
    for (let row = 0; row < rows; row++) this.read(row);
    region.clear();
    return this.derived;
  }

  counters(): EngineCounters {
    const base = slotBase(0);
    const f64 = (field: number): number => this.views.f64[(base + field) >>> 3] ?? 0;
    const u32 = (field: number): number => this.views.u32[(base + field) >>> 2] ?? 0;
    return {
      keys: u32(Slot.keys),
      keysEvicted: f64(Slot.keysEvicted),
      keysExpired: f64(Slot.keysExpired),
      keysInPanes: u32(Slot.keysInPanes),
      rowsLate: f64(Slot.rowsLate),
      rowsFuture: f64(Slot.rowsFuture),
      stateBytes: f64(Slot.stateBytes),
    };
  }

  private create(memoryBytes: number): void {
    const made = this.kernel.initialize(memoryBytes);
    this.views.f64.set(detectorBlock(this.runtime.detector), CONTROL_BASE >>> 3);
    const status = made === Status.OK ? this.kernel.createDetector(0) : made;
    if (status !== Status.OK) throw new Error(`the kernel took no detector: status ${status}`);
  }

  private read(row: number): void {
    const { region, derived, runtime } = this;
    const { order } = runtime.detector.program ?? { order: [] };
    const timeliness = region.timeliness(row);
    const status = region.status(row);
    derived.timeliness[row] = timeliness;
    derived.statuses[row] = status;
    const first = runtime.sources.length;
    const none = status !== Status.OK || timeliness >= Timeliness.LATE_REFUSED;
    for (let k = 0; k < order.length; k++) {
      const values = derived.features[order[k] ?? 0];
      if (values !== undefined) values[row] = none ? Number.NaN : region.valueAfter(row, first + k);
    }
    this.readDefaulted(row, none, order);
  }

  private readDefaulted(row: number, none: boolean, order: readonly number[]): void {
    const { region, derived, runtime } = this;
    const at = runtime.sources.length + runtime.derived - 1;
    const low = none ? 0 : region.bitsAfter(row, at, 0);
    const high = none ? 0 : region.bitsAfter(row, at, 1);
    const words: [number, number] = [0, 0];
    if ((low | high) !== 0) {
      for (let k = 0; k < order.length; k++) {
        if ((((k < 32 ? low : high) >>> (k & 31)) & 1) === 0) continue;
        const feature = order[k] ?? 0;
        words[feature < 32 ? 0 : 1] |= 1 << (feature & 31);
      }
    }
    derived.defaulted[0][row] = words[0];
    derived.defaulted[1][row] = words[1];
  }
}

/** The compiled kernel, with a name for exactly this build of it. */
export interface Kernel {
  readonly module: WebAssembly.Module;
  readonly digest: string;
}

export async function loadKernel(path: string): Promise<Kernel> {
  const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
  return { module: await compileModule(path), digest };
}
