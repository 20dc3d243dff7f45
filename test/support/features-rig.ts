import { categoryCode } from "../../src/features/category-code.ts";
import type { FeatureProgram } from "../../src/domain/detector.ts";
import { Timeliness } from "../../src/domain/verdict.ts";
import {
  CONTROL_BASE,
  Control,
  Op,
  OUTPUT_BYTES,
  Output,
  Region as RegionOffset,
  regionBase,
  RowFlag,
} from "../../src/shard/layout.ts";
import { createMemory } from "../../src/shard/module.ts";
import { emptyRow, Region } from "../../src/shard/region.ts";
import type { FeatureEvent } from "../laws/features-reference.ts";
import { controlBlock, hashOf, TestShard } from "../kernel.ts";
import type { DetectorOptions } from "../kernel.ts";

/** What an aggregate has beside what, of what and over which window, where a test says no more. */
export const plainAggregate = {
  kind: "aggregate",
  where: undefined,
  excludeCurrent: false,
  quantile: 0.5,
  category: "",
  n: 1,
  unitMs: 1000,
} as const;

export interface FeatureRow extends FeatureEvent {
  readonly op?: number;
  readonly systemAction?: boolean;
}

export interface FeatureOutput {
  readonly status: number;
  readonly timeliness: number;
  /** A State, or ReadBits. */
  readonly state: number;
  readonly score: number;
  /** By position in the detector's configuration; none of a row that was refused. */
  readonly values: readonly number[];
  readonly defaulted: readonly boolean[];
}

/** Shards whose memories are used again: making one takes longer than what most tests do in it. */
export class FeatureShards {
  private readonly shards: TestShard[] = [];
  private taken = 0;
  private readonly module: WebAssembly.Module;

  constructor(module: WebAssembly.Module) {
    this.module = module;
  }

  /** All may be taken again. */
  free(): void {
    this.taken = 0;
  }

  take(program: FeatureProgram, options: Partial<DetectorOptions> = {}): FeatureShard {
    const known = this.shards[this.taken++];
    if (known === undefined) {
      const made = FeatureShard.make(this.module, program, options);
      this.shards.push(made.shard);
      return made;
    }
    known.kernel.deleteDetector(0);
    return FeatureShard.over(known, program, options);
  }
}

/** The smallest shard that holds a few hundred keys. */
const shardBytes = 24 << 20;

const smallest: Omit<DetectorOptions, "features"> = {
  trees: 1,
  height: 1,
  window: 4096,
  burnIn: 0,
};

/** One shard with one detector that derives features, driven row by row as the host would. */
export class FeatureShard {
  readonly shard: TestShard;
  private readonly program: FeatureProgram;
  private readonly regions: readonly Region[];
  private readonly view: DataView;
  private readonly encoder = new TextEncoder();

  constructor(shard: TestShard, program: FeatureProgram) {
    this.shard = shard;
    this.program = program;
    const { buffer } = shard.memory;
    const views = {
      f64: new Float64Array(buffer),
      u32: new Uint32Array(buffer),
      u16: new Uint16Array(buffer),
      u8: new Uint8Array(buffer),
    };
    this.regions = [new Region(0, views), new Region(1, views)];
    this.view = new DataView(buffer);
  }

  static make(
    module: WebAssembly.Module,
    program: FeatureProgram,
    options: Partial<DetectorOptions> & { readonly bytes?: number } = {},
  ): FeatureShard {
    return FeatureShard.over(
      new TestShard(module, createMemory(options.bytes ?? shardBytes)),
      program,
      options,
    );
  }

  /** With the detector in an empty shard. */
  static over(
    shard: TestShard,
    program: FeatureProgram,
    options: Partial<DetectorOptions>,
  ): FeatureShard {
    const made = new FeatureShard(shard, program);
    const status = made.create(options);
    if (status !== 0) throw new Error(`createDetector: status ${status}`);
    return made;
  }

  create(options: Partial<DetectorOptions>): number {
    const control = controlBlock({
      ...smallest,
      ...options,
      features: this.program.columns.length,
    });
    const all = new Float64Array(Control.program + this.program.block.length);
    all.set(control);
    all[Control.hasProgram] = 1;
    all.set(this.program.block, Control.program);
    new Float64Array(this.shard.memory.buffer).set(all, CONTROL_BASE >>> 3);
    return this.shard.kernel.createDetector(0);
  }

  /** Runs rows as one batch. */
  step(rows: readonly FeatureRow[], region = 0): FeatureOutput[] {
    const done = this.run(rows, region);
    return rows.map(({ op }, index) => this.output(done, index, op));
  }

  /** As `step`, but only what one row got is read. */
  learn(rows: readonly FeatureRow[]): (index: number) => FeatureOutput {
    const done = this.run(rows, 0);
    return (index) => this.output(done, index, rows[index]?.op);
  }

  one(row: FeatureRow): FeatureOutput {
    const [output] = this.step([row]);
    if (output === undefined) throw new Error("no output");
    return output;
  }

  /** 0, or the number of the relation that does not hold. */
  verify(): number {
    return this.shard.kernel.verify();
  }

  digest(key: string): bigint {
    return this.shard.digest(key);
  }

  private run(rows: readonly FeatureRow[], region: number): Region {
    const to = this.regions[region];
    if (to === undefined) throw new Error(`no region ${region}`);
    to.clear();
    for (const row of rows) this.put(to, row);
    to.seal();
    const done = this.shard.kernel.step(region);
    if (done !== rows.length) throw new Error(`step answered ${done} for ${rows.length} rows`);
    return to;
  }

  private put(region: Region, row: FeatureRow): void {
    const { sources, order } = this.program;
    const values = Float64Array.from(sources, ({ name }) => {
      const value = row.values.get(name);
      return typeof value === "string" ? categoryCode(value) : (value ?? Number.NaN);
    });
    const key = this.encoder.encode(row.key);
    const [lo, hi] = hashOf(row.key);
    region.putRow({
      ...emptyRow(),
      op: row.op ?? Op.DERIVE,
      flags:
        (values.some(Number.isNaN) ? RowFlag.HAS_MISSING : 0) |
        (row.systemAction === true ? RowFlag.SYSTEM_ACTION : 0),
      keyOffset: region.putBytes(key, 0, key.length),
      keyLength: key.length,
      hashLo: lo,
      hashHi: hi,
      arrivalMs: row.arrivalMs,
      eventTimeMs: row.timeMs,
      valuesOffset: region.putValues(values, 0, values.length, order.length + 1),
    });
  }

  private output(region: Region, index: number, op: number | undefined): FeatureOutput {
    const { sources, order } = this.program;
    const at = regionBase(region.index) + RegionOffset.outputs + index * OUTPUT_BYTES;
    const timeliness = this.view.getUint8(at + Output.timeliness);
    // Of a row that was refused, and of a heartbeat, nothing is written.
    const answered = timeliness <= Timeliness.FUTURE && op !== Op.HEARTBEAT;
    const values = answered ? order.map(() => 0) : [];
    const defaulted = answered ? order.map(() => false) : [];
    const bits = sources.length + order.length;
    for (const [position, feature] of answered ? order.entries() : []) {
      values[feature] = region.valueAfter(index, sources.length + position);
      const half = region.bitsAfter(index, bits, position < 32 ? 0 : 1);
      defaulted[feature] = ((half >>> (position & 31)) & 1) === 1;
    }
    return {
      status: this.view.getUint32(at + Output.status, true),
      timeliness,
      state: this.view.getUint8(at + Output.state),
      score: this.view.getFloat64(at + Output.score, true),
      values,
      defaulted,
    };
  }
}
