import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import * as layout from "../../src/shard/layout.ts";
import { Op, Status } from "../../src/shard/layout.ts";
import { compileModule, createMemory } from "../../src/shard/module.ts";
import { builds, mulberry, normal, TestShard } from "../kernel.ts";
import type { DetectorOptions, RowInput } from "../kernel.ts";
import { someProgram } from "../support/feature-blocks.ts";
import { train } from "../window-rig.ts";

const trees = { trees: 3, height: 4, window: 10, burnIn: 3, keysPerPartition: 2, idsMax: 40 };
const windowModel = { kind: "ecod", windowRows: 40, minSamples: 12, retrainInterval: 6 } as const;
const cells = { threshold: 0.7, burnIn: 0, keyTtlMs: 900, windowModel };

/** What a slot may have. The last four derive features. */
const detectors: readonly DetectorOptions[] = [
  { features: 3, ...trees },
  { features: 3, ...trees, height: 9, keyTtlMs: 300, scaler: 2 },
  { features: 3, ...trees, threshold: 0.8, scaler: 0 },
  { features: 3, ...cells },
  { features: 3, ...cells, windowModel: { ...windowModel, rolling: [4], lags: [3] } },
  { ...someProgram({ sources: 3, modelFirst: 1 }), ...trees },
  {
    ...someProgram({ sources: 3, header: { exactEvents: 5, late: 2, latenessMs: 40 } }),
    ...trees,
  },
  // Features of a key in more bytes than scratch has.
  { ...someProgram({ sources: 3, header: { exactEvents: 65_536 } }), ...trees },
  { ...someProgram({ sources: 3, header: { oneCell: 1 } }), ...cells },
];

const { SCORE_AND_LEARN, SCORE_ONLY, LEARN_ONLY, AMEND, READ_FEATURES, DERIVE, HEARTBEAT } = Op;
const rare = [SCORE_ONLY, SCORE_ONLY, LEARN_ONLY, AMEND, READ_FEATURES, DERIVE, HEARTBEAT];
const ops = [...Array.from({ length: 8 }, () => SCORE_AND_LEARN), ...rare];

/** Numbers as models like them least. */
const odd = [0, -0, 1e308, -1e308, 5e-324, 1e-300, NaN];

interface Training {
  readonly handle: number;
  readonly model: Uint8Array | undefined;
}

/** One memory, driven through several instances that take turns; bytes that are no state are garbage before every call. */
class Replica {
  private readonly instances: TestShard[] = [];
  private turn = 0;
  private readonly random: (() => number) | undefined;
  private readonly bytes: Uint8Array;

  constructor(
    modules: readonly WebAssembly.Module[],
    memory: WebAssembly.Memory,
    { fresh = true, garbage }: { fresh?: boolean; garbage?: number } = {},
  ) {
    this.bytes = new Uint8Array(memory.buffer);
    this.random = garbage === undefined ? undefined : mulberry(garbage);
    for (const [i, module] of modules.entries()) {
      this.instances.push(new TestShard(module, memory, fresh && i === 0));
    }
  }

  /** The instance whose turn it is. All know how rows are laid out. */
  next(): TestShard {
    this.litter();
    const shard = this.instances[this.turn++ % this.instances.length];
    if (shard === undefined) throw new Error("no instances");
    return shard;
  }

  create(options: DetectorOptions, slot: number): number {
    for (const shard of this.instances) shard.learnLayout(options, slot);
    return this.next().create(options, slot);
  }

  knowLayouts(of: ReadonlyMap<number, DetectorOptions>): void {
    for (const [slot, options] of of) {
      for (const shard of this.instances) shard.learnLayout(options, slot);
    }
  }

  private get top(): number {
    return new DataView(this.bytes.buffer).getUint32(layout.Root.arenaTop, true);
  }

  private litter(): void {
    if (this.random === undefined) return;
    const { random } = this;
    const fill = (from: number, bytes: number) => {
      const words = new Uint32Array(this.bytes.buffer, from, bytes >>> 2);
      const value = Math.floor(random() * 2 ** 32);
      words.fill(value);
      for (let i = 0; i < 64; i++) {
        words[Math.floor(random() * words.length)] = Math.floor(random() * 2 ** 32);
      }
    };
    fill(layout.CONTROL_BASE, layout.REGION_BASE - layout.CONTROL_BASE);
    for (const region of [0, 1]) {
      const base = layout.regionBase(region);
      fill(base, layout.Region.rows + 200 * layout.ROW_BYTES);
      fill(base + layout.Region.outputs, 200 * layout.OUTPUT_BYTES);
      fill(base + layout.Region.values, 200 * 40 * 8);
      fill(base + layout.Region.bytes, 200 * 40);
    }
    fill(this.top, Math.min(this.bytes.length - this.top, 1 << 20));
  }

  /** All that is state. */
  state(): Buffer {
    const root = Buffer.from(this.bytes.slice(0, layout.PAGE_BYTES));
    for (const [at, length] of layout.VOLATILE_ROOT) root.fill(0, at, at + length);
    return Buffer.concat([root, this.bytes.subarray(layout.ARENA_BASE, this.top)]);
  }

  /** Another memory that has this one's state and nothing else. */
  restored(modules: readonly WebAssembly.Module[], garbage: number): Replica {
    const memory = createMemory(this.bytes.length);
    const bytes = new Uint8Array(memory.buffer);
    const state = this.state();
    bytes.set(state.subarray(0, layout.PAGE_BYTES));
    bytes.set(state.subarray(layout.PAGE_BYTES), layout.ARENA_BASE);
    return new Replica(modules, memory, { fresh: false, garbage });
  }
}

/** A stream of operations, the same for every memory that takes it. */
class Stream {
  private readonly random: () => number;
  private readonly path: string;
  private readonly running: Training[] = [];
  readonly created = new Map<number, DetectorOptions>();
  private at = 1e12;
  private sequence = 0;

  constructor(seed: number, path: string) {
    this.random = mulberry(seed);
    this.path = path;
  }

  private below(count: number): number {
    return Math.floor(this.random() * count);
  }

  private pick<T>(all: readonly T[]): T {
    const one = all[this.below(all.length)];
    if (one === undefined) throw new Error("nothing to pick");
    return one;
  }

  /** Something happens in all memories alike. */
  async act(replicas: readonly Replica[]): Promise<void> {
    const slot = this.below(3);
    const options = this.created.get(slot);
    const drawn = this.random();
    if (options === undefined) {
      const chosen = this.pick(detectors);
      this.created.set(slot, chosen);
      same(replicas, (replica) => replica.create(chosen, slot));
    } else if (drawn < 0.7) this.step(replicas);
    else if (drawn < 0.8) await this.take(replicas);
    else if (drawn < 0.92) this.settle(replicas);
    else if (drawn < 0.95) this.configure(replicas, slot, options);
    else if (drawn < 0.97) same(replicas, (replica) => replica.next().kernel.resetDetector(slot));
    else if (drawn < 0.98) this.move(replicas, slot, options);
    else {
      this.created.delete(slot);
      same(replicas, (replica) => replica.next().kernel.deleteDetector(slot));
    }
  }

  private step(replicas: readonly Replica[]): void {
    const rows = Array.from({ length: 1 + this.below(40) }, () => this.row());
    const region = this.below(2);
    same(replicas, (replica) => replica.next().step(rows, region));
  }

  private row(): RowInput {
    this.at += this.below(20);
    const op = this.pick(ops);
    const wild = this.random() < 0.02;
    const values = Array.from({ length: op === AMEND ? 6 : 3 }, () =>
      wild ? this.pick(odd) : this.random() < 0.05 ? NaN : normal(this.random),
    );
    const key = this.below(this.random() < 0.3 ? 2000 : 6);
    return {
      slot: this.below(3),
      key: key === 0 ? "" : `${key}`,
      op,
      arrivalMs: this.at,
      eventTimeMs: this.at - this.below(100),
      explain: this.random() < 0.05,
      systemAction: this.random() < 0.05,
      ...(op === AMEND || this.random() < 0.3
        ? { id: `${this.below(60)}`, sequence: ++this.sequence }
        : undefined),
      values: op === AMEND ? [0.5, 0.25, 0.7, 0x0102_0103, 1, 0] : values,
    };
  }

  /** Takes a training. */
  private async take(replicas: readonly Replica[]): Promise<void> {
    const taken = same(replicas, (replica) => replica.next().take());
    if (taken === undefined) return;
    const fails = this.random() < 0.2;
    const model = fails ? undefined : await train(this.path, "ecod", taken);
    this.running.push({ handle: taken.handle, model });
  }

  /** Ends a training that was taken, if its cell is there still. */
  private settle(replicas: readonly Replica[]): void {
    const [training] = this.running.splice(this.below(this.running.length), 1);
    if (training === undefined) return;
    const { handle, model } = training;
    same(replicas, (replica) =>
      model === undefined
        ? replica.next().kernel.dropTraining(handle, 1)
        : replica.next().swap(handle, model),
    );
  }

  private configure(replicas: readonly Replica[], slot: number, options: DetectorOptions): void {
    const changed: DetectorOptions = {
      ...options,
      burnIn: this.below(20),
      alertShare: this.random() / 5,
      keysPerPartition: 1 + this.below(4),
      refuse: this.random() < 0.2,
      keyTtlMs: this.below(2) * 500,
      idsMax: this.below(3) * 30,
    };
    same(replicas, (replica) => {
      const status = replica.next().configure(changed, slot);
      expect(status).toBe(Status.OK);
      return status;
    });
    this.created.set(slot, changed);
  }

  /** The detector's state goes through parts, into a new one in its place. */
  private move(replicas: readonly Replica[], slot: number, options: DetectorOptions): void {
    const parts = same(replicas, (replica) => replica.next().exportState(slot));
    same(replicas, (replica) => replica.next().kernel.deleteDetector(slot));
    same(replicas, (replica) => replica.create(options, slot));
    for (const part of parts) {
      same(replicas, (replica) => {
        const status = replica.next().importState([part], slot);
        expect(status).toBe(Status.OK);
        return status;
      });
    }
  }
}

/** Does the same everywhere; what comes of it is the same, and so is all state then. */
function same<T>(replicas: readonly Replica[], act: (replica: Replica) => T): T {
  const [first, ...others] = replicas;
  if (first === undefined) throw new Error("no replicas");
  const expected = act(first);
  const state = first.state();
  for (const other of others) {
    expect(act(other)).toEqual(expected);
    const difference = differenceOf(state, other.state());
    if (difference !== undefined) throw new Error(difference);
  }
  expect(first.next().kernel.verify()).toBe(0);
  return expected;
}

/** Where two states differ, if they do. */
function differenceOf(a: Buffer, b: Buffer): string | undefined {
  if (a.equals(b)) return undefined;
  if (a.length !== b.length) return `${a.length} bytes are not ${b.length}`;
  const index = a.findIndex((byte, i) => byte !== b[i]);
  const at = index < layout.PAGE_BYTES ? index : index - layout.PAGE_BYTES + layout.ARENA_BASE;
  return `differs at ${at}: ${a.toString("hex", index & ~15, (index & ~15) + 32)} is not ${b.toString("hex", index & ~15, (index & ~15) + 32)}`;
}

const runs = fc.record({
  seed: fc.nat(),
  steps: fc.integer({ min: 5, max: 120 }),
  cut: fc.double({ min: 0, max: 1, noNaN: true }),
  megabytes: fc.constantFrom(17, 18, 30),
});

describe("the same operations", () => {
  let modules: WebAssembly.Module[];
  beforeAll(async () => {
    modules = await Promise.all(builds.map(([, path]) => compileModule(path)));
  });

  it("make the same memory, whatever lies beside the state, and whichever instances take them", () =>
    fc.assert(
      fc.asyncProperty(runs, async ({ seed, steps, cut, megabytes }) => {
        const bytes = megabytes << 20;
        const stream = new Stream(seed, builds[0]?.[1] ?? "");
        const first = new Replica(modules.slice(0, 1), createMemory(bytes));
        // Each build has its own constants: all instances over one memory are of one.
        const last = modules.slice(-1);
        const mixed = [...last, ...last];
        let second = new Replica(mixed, createMemory(bytes), { garbage: seed + 1 });
        const restoreAt = Math.floor(cut * steps);
        for (let i = 0; i < steps; i++) {
          if (i === restoreAt) {
            second = first.restored(mixed, seed + 2);
            second.knowLayouts(stream.created);
          }
          // oxlint-disable-next-line no-await-in-loop -- one after the other
          await stream.act([first, second]);
        }
      }),
      { numRuns: Number(process.env["LAW_RUNS"] ?? 60) },
    ));
});
