import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import * as layout from "../../src/shard/layout.ts";
import {
  compileModule,
  createMemory,
  instantiate,
  releaseModulePath,
} from "../../src/shard/module.ts";
import type { ShardExports } from "../../src/shard/module.ts";

/** The kernel alone: no transport, no thread, rows already in the region. Half-Space Trees 10 x 8 x 250, standard scaler. */
export interface StepBenchCase {
  readonly keys: number;
  readonly inputs: number;
  /** Median over the rounds. */
  readonly nsPerEvent: number;
  readonly nsPerEventBest: number;
  readonly eventsPerSecond: number;
  /** State of all keys, tables and structures, divided by the keys; after one event each, and when all have scores. */
  readonly bytesPerKeyYoung: number;
  readonly bytesPerKey: number;
  /** Of all scores of the measured rounds: the same on every machine. */
  readonly scoresHash: string;
}

export interface StepBenchOptions {
  readonly cases?: readonly (readonly [keys: number, inputs: number])[];
  /** Measured per case, after every key has its first window. */
  readonly events?: number;
  readonly window?: number;
  readonly modulePath?: string;
}

const BATCH_ROWS = 4096;
const KEY_BYTES = 8;

const defaultCases = [
  [1, 1],
  [1, 10],
  [1_000, 1],
  [1_000, 10],
  [100_000, 1],
  [100_000, 10],
] as const;

export async function runStepBench(options: StepBenchOptions = {}): Promise<StepBenchCase[]> {
  const module = await compileModule(options.modulePath ?? releaseModulePath);
  const results: StepBenchCase[] = [];
  for (const [keys, inputs] of options.cases ?? defaultCases) {
    const bench = new StepBench(module, { keys, inputs, window: options.window ?? 250 });
    results.push(bench.run(options.events ?? 2_000_000));
  }
  return results;
}

/** Keys are the numbers 0, 1, 2, ... in 8 bytes, with well spread hashes; values are laid once, keys before every batch. */
class StepBench {
  private readonly kernel: ShardExports;
  private readonly u32: Uint32Array;
  private readonly f64: Float64Array;
  private readonly bytes: Uint8Array;
  private readonly keys: number;
  private readonly inputs: number;
  private readonly window: number;
  private readonly random = xorshift(1);
  private readonly order: Uint32Array;
  private cursor = 0;

  constructor(
    module: WebAssembly.Module,
    setup: { readonly keys: number; readonly inputs: number; readonly window: number },
  ) {
    this.keys = setup.keys;
    this.inputs = setup.inputs;
    this.window = setup.window;
    const memory = createMemory(layout.MEMORY_BYTES_MIN + setup.keys * 13_000);
    this.kernel = instantiate(module, memory);
    this.u32 = new Uint32Array(memory.buffer);
    this.f64 = new Float64Array(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    this.order = Uint32Array.from({ length: setup.keys }, (_, key) => key);
    check(this.kernel.initialize(memory.buffer.byteLength));
    this.createDetector();
    this.layRows();
  }

  run(events: number): StepBenchCase {
    this.pass(1);
    const young = this.stateBytes() / this.keys;
    this.pass(this.window);
    const rounds: number[] = [];
    const hash = createHash("sha256");
    for (let done = 0; done < events; done += BATCH_ROWS * 16) {
      let nanoseconds = 0;
      for (let batch = 0; batch < 16; batch++) {
        this.aim(BATCH_ROWS);
        const start = process.hrtime.bigint();
        this.kernel.step(0);
        nanoseconds += Number(process.hrtime.bigint() - start);
        this.hashScores(hash);
      }
      rounds.push(nanoseconds / (16 * BATCH_ROWS));
    }
    rounds.sort((a, b) => a - b);
    const median = rounds[rounds.length >>> 1] ?? Number.NaN;
    return {
      keys: this.keys,
      inputs: this.inputs,
      nsPerEvent: median,
      nsPerEventBest: rounds[0] ?? Number.NaN,
      eventsPerSecond: 1e9 / median,
      bytesPerKeyYoung: young,
      bytesPerKey: this.stateBytes() / this.keys,
      scoresHash: hash.digest("hex").slice(0, 16),
    };
  }

  private createDetector(): void {
    const { Control } = layout;
    const block = this.f64.subarray(layout.CONTROL_BASE >>> 3);
    block[Control.features] = this.inputs;
    block[Control.trees] = 10;
    block[Control.height] = 8;
    block[Control.window] = this.window;
    block[Control.seedLo] = 42;
    block[Control.seedHi] = 0;
    block[Control.scaler] = layout.ScalerKind.STANDARD;
    block[Control.burnInEvents] = this.window;
    block[Control.threshold] = Number.NaN;
    block[Control.alertShare] = 0.01;
    block[Control.keysPerPartition] = this.keys;
    block[Control.atKeysMax] = 0;
    block[Control.keyTtlMs] = 0;
    block[Control.idsMax] = 100_000;
    block[Control.learnSystemActions] = 0;
    block[Control.modelKind] = layout.ModelKind.HALF_SPACE_TREES;
    for (let i = 0; i < this.inputs; i++) {
      block[Control.order + i] = i;
      block[Control.order + this.inputs + i] = 0;
      block[Control.order + 2 * this.inputs + i] = 1;
    }
    check(this.kernel.createDetector(0));
  }

  /** Values and everything in the descriptors but the key. */
  private layRows(): void {
    const base = layout.regionBase(0);
    const values = (base + layout.Region.values) >>> 3;
    for (let i = 0; i < BATCH_ROWS * this.inputs; i++) {
      this.f64[values + i] = normal(this.random) * (1 + (i % this.inputs)) + (i % this.inputs);
    }
    for (let row = 0; row < BATCH_ROWS; row++) {
      const at = base + layout.Region.rows + row * layout.ROW_BYTES;
      this.u32.fill(0, at >>> 2, (at + layout.ROW_BYTES) >>> 2);
      this.bytes[at + layout.Row.op] = layout.Op.SCORE_AND_LEARN;
      this.bytes[at + layout.Row.keyLength] = KEY_BYTES;
      this.u32[(at + layout.Row.valuesOffset) >>> 2] = row * this.inputs;
      this.u32[(at + layout.Row.keyOffset) >>> 2] = row * KEY_BYTES;
    }
  }

  /** `times` events of every key, in a new random order each time. */
  private pass(times: number): void {
    this.cursor = 0;
    let left = times * this.keys;
    while (left > 0) {
      const rows = Math.min(left, BATCH_ROWS);
      this.aim(rows);
      this.kernel.step(0);
      left -= rows;
    }
  }

  /** Points the next rows to keys, each key once before any comes again. */
  private aim(rows: number): void {
    const first = (layout.regionBase(0) + layout.Region.rows) >>> 2;
    const text = (layout.regionBase(0) + layout.Region.bytes) >>> 2;
    for (let row = 0; row < rows; row++) {
      if (this.cursor === 0) shuffle(this.order, this.random);
      const key = this.order[this.cursor] ?? 0;
      this.cursor = (this.cursor + 1) % this.keys;
      const at = first + row * (layout.ROW_BYTES >>> 2);
      this.u32[text + row * (KEY_BYTES >>> 2)] = key;
      this.u32[at + (layout.Row.hashLo >>> 2)] = spread(key + 1);
      this.u32[at + (layout.Row.hashHi >>> 2)] = spread(key + 0x9e37_79b9);
    }
    this.u32[layout.regionBase(0) >>> 2] = rows;
  }

  private hashScores(hash: ReturnType<typeof createHash>): void {
    const first = (layout.regionBase(0) + layout.Region.outputs) >>> 3;
    const scores = new Float64Array(BATCH_ROWS);
    for (let row = 0; row < BATCH_ROWS; row++) {
      scores[row] = this.f64[first + row * (layout.OUTPUT_BYTES >>> 3) + 1] ?? 0;
    }
    hash.update(scores);
  }

  private stateBytes(): number {
    return this.f64[(layout.slotBase(0) + layout.Slot.stateBytes) >>> 3] ?? Number.NaN;
  }
}

function check(status: number): void {
  if (status !== layout.Status.OK) throw new Error(`status ${status}`);
}

/** MurmurHash3's finalizer: spreads small whole numbers over 32 bits. */
function spread(key: number): number {
  let h = key | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function shuffle(order: Uint32Array, random: () => number): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const other = order[j] ?? 0;
    order[j] = order[i] ?? 0;
    order[i] = other;
  }
}

function xorshift(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function print(results: readonly StepBenchCase[]): void {
  for (const r of results) {
    console.log(
      `${String(r.keys).padStart(7)} keys x ${String(r.inputs).padStart(2)} inputs  ` +
        `${r.nsPerEvent.toFixed(1).padStart(7)} ns/event (best ${r.nsPerEventBest.toFixed(1)})  ` +
        `${(r.eventsPerSecond / 1e6).toFixed(2)} M events/s  ` +
        `${Math.round(r.bytesPerKeyYoung)} -> ${Math.round(r.bytesPerKey)} B/key  ${r.scoresHash}`,
    );
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { events: { type: "string" }, keys: { type: "string" } },
  });
  const events = Number(values.events ?? 2_000_000);
  const keys = values.keys === undefined ? undefined : Number(values.keys);
  const cases =
    keys === undefined
      ? defaultCases
      : ([
          [keys, 1],
          [keys, 10],
        ] as const);
  print(await runStepBench({ cases, events }));
}
