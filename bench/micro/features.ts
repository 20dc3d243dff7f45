import { detectorBlock } from "../../src/control/detector-block.ts";
import { makeDetector } from "../../src/config/detector.ts";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import * as layout from "../../src/shard/layout.ts";
import { KeyHash } from "../../src/shard/key-hash.ts";
import { compileModule, createMemory, instantiate } from "../../src/shard/module.ts";
import type { ShardExports } from "../../src/shard/module.ts";

/** A payment of a key: the rows of the feature suite, and of its peers. */
export interface FeatureRows {
  readonly count: number;
  /** Whole numbers from 0 on. */
  readonly keys: Float64Array;
  /** Rising, ms. */
  readonly times: Float64Array;
  readonly amounts: Float64Array;
}

export interface FeatureRun {
  readonly nsPerEvent: number;
  readonly bytesPerKey: number;
  /** The last rows' features, row-major. */
  readonly last: Float64Array;
}

const BATCH_ROWS = 4096;
const LAST_ROWS = 100;
const KEY_BYTES = 8;
const memoryBytes = 2 * 1024 ** 3;

/** The WASM step with nothing but features: rows already in the region, no model, no transport. */
export class FeatureBench {
  private readonly module: WebAssembly.Module;

  private constructor(module: WebAssembly.Module) {
    this.module = module;
  }

  static async make(): Promise<FeatureBench> {
    return new FeatureBench(await compileModule());
  }

  /**
   * Derives features of all rows in a fresh shard; what comes before `from` only fills the windows.
   * @param features DetectorSpec.features over an input `amount`
   */
  run(features: readonly object[], rows: FeatureRows, from: number): FeatureRun {
    const memory = createMemory(memoryBytes);
    const kernel = instantiate(this.module, memory);
    const shard = new Shard(kernel, memory, features);
    let nanoseconds = 0;
    for (let first = 0; first < rows.count;) {
      const end = Math.min(first < from ? from : rows.count, first + BATCH_ROWS);
      shard.lay(rows, first, end);
      const started = process.hrtime.bigint();
      kernel.step(0);
      if (first >= from) nanoseconds += Number(process.hrtime.bigint() - started);
      first = end;
    }
    return {
      nsPerEvent: nanoseconds / (rows.count - from),
      bytesPerKey: shard.bytesPerKey(),
      last: shard.last(LAST_ROWS),
    };
  }
}

class Shard {
  private readonly views: {
    readonly u8: Uint8Array;
    readonly u16: Uint16Array;
    readonly u32: Uint32Array;
    readonly f64: Float64Array;
  };
  private readonly features: number;
  private readonly width: number;
  private readonly hash = new KeyHash();
  private rows = 0;

  constructor(kernel: ShardExports, memory: WebAssembly.Memory, features: readonly object[]) {
    const { buffer } = memory;
    this.views = {
      u8: new Uint8Array(buffer),
      u16: new Uint16Array(buffer),
      u32: new Uint32Array(buffer),
      f64: new Float64Array(buffer),
    };
    check(kernel.initialize(buffer.byteLength));
    const config = normalizeSpec({
      inputs: [{ name: "amount" }],
      features,
      keys_max: 1_000_000,
      key_ttl_seconds: 0,
    });
    const detector = makeDetector("bench", 0, config);
    this.features = features.length;
    this.width = 1 + features.length + 1;
    this.views.f64.set(detectorBlock(detector), layout.CONTROL_BASE >>> 3);
    check(kernel.createDetector(0));
  }

  /** Rows of a batch: keys as 8 bytes of text. */
  lay(rows: FeatureRows, from: number, to: number): void {
    const { u8, u16, u32, f64 } = this.views;
    const base = layout.regionBase(0);
    const text = base + layout.Region.bytes;
    this.rows = to - from;
    for (let i = 0; i < this.rows; i++) {
      const at = base + layout.Region.rows + i * layout.ROW_BYTES;
      const key = text + i * KEY_BYTES;
      u32[key >>> 2] = rows.keys[from + i] ?? 0;
      u32[(key >>> 2) + 1] = 0;
      this.hash.of(u8, key, key + KEY_BYTES);
      u16[(at + layout.Row.slot) >>> 1] = 0;
      u8[at + layout.Row.op] = layout.Op.DERIVE;
      u8[at + layout.Row.flags] = 0;
      u32[(at + layout.Row.keyOffset) >>> 2] = i * KEY_BYTES;
      u16[(at + layout.Row.keyLength) >>> 1] = KEY_BYTES;
      u16[(at + layout.Row.idLength) >>> 1] = 0;
      u32[(at + layout.Row.hashLo) >>> 2] = this.hash.lo;
      u32[(at + layout.Row.hashHi) >>> 2] = this.hash.hi;
      f64[(at + layout.Row.arrivalMs) >>> 3] = rows.times[from + i] ?? 0;
      f64[(at + layout.Row.eventTimeMs) >>> 3] = rows.times[from + i] ?? 0;
      u32[(at + layout.Row.valuesOffset) >>> 2] = i * this.width;
      f64[((base + layout.Region.values) >>> 3) + i * this.width] = rows.amounts[from + i] ?? 0;
    }
    u32[base >>> 2] = this.rows;
  }

  /** Features of the last rows of the batch, at most `most`. */
  last(most: number): Float64Array {
    const count = Math.min(most, this.rows);
    const first = (layout.regionBase(0) + layout.Region.values) >>> 3;
    const out = new Float64Array(count * this.features);
    for (let i = 0; i < count; i++) {
      const at = first + (this.rows - count + i) * this.width + 1;
      out.set(this.views.f64.subarray(at, at + this.features), i * this.features);
    }
    return out;
  }

  bytesPerKey(): number {
    const slot = layout.slotBase(0);
    const bytes = this.views.f64[(slot + layout.Slot.stateBytes) >>> 3] ?? 0;
    return bytes / (this.views.u32[(slot + layout.Slot.keys) >>> 2] ?? 1);
  }
}

function check(status: number): void {
  if (status !== layout.Status.OK) throw new Error(`the kernel answered status ${status}`);
}
