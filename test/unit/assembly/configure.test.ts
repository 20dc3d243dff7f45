import { beforeAll, describe, expect, it } from "vitest";
import { State } from "../../../src/domain/verdict.ts";
import * as layout from "../../../src/shard/layout.ts";
import { Op, Status } from "../../../src/shard/layout.ts";
import { compileModule, createMemory } from "../../../src/shard/module.ts";
import { builds, mulberry, normal, TestShard } from "../../kernel.ts";
import type { DetectorOptions, RowInput } from "../../kernel.ts";
import { someProgram } from "../../support/feature-blocks.ts";
import { train } from "../../window-rig.ts";

const trees: DetectorOptions = { features: 2, trees: 3, height: 3, window: 10, burnIn: 5 };
const windowModel = { kind: "ecod", windowRows: 30, minSamples: 10, retrainInterval: 8 } as const;
const cells: DetectorOptions = { features: 2, threshold: 0.7, burnIn: 0, windowModel };
const features = someProgram({ sources: 2 });
const megabyte = 1 << 20;
/** Features of a key in more bytes than scratch has. */
const large: DetectorOptions = {
  ...trees,
  ...someProgram({ sources: 2, header: { exactEvents: 65_536 } }),
};

function rowsOf(count: number, keys: number, from = 0): RowInput[] {
  const random = mulberry(from + 1);
  return Array.from({ length: count }, (_, i) => ({
    key: keys === 0 ? "" : `${i % keys}`,
    id: `${from + i}`,
    arrivalMs: 1e12 + from + i,
    values: [normal(random), normal(random)],
  }));
}

function stateOf(shard: TestShard): Buffer {
  const all = Buffer.from(shard.memory.buffer);
  const root = Buffer.from(all.subarray(0, layout.PAGE_BYTES));
  for (const [at, length] of layout.VOLATILE_ROOT) root.fill(0, at, at + length);
  return Buffer.concat([root, all.subarray(layout.ARENA_BASE)]);
}

describe.each(builds)("the kernel beside stepping, %s build", (_name, path) => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await compileModule(path);
  });

  const make = (options: DetectorOptions, bytes = 20 * megabyte): TestShard => {
    const shard = new TestShard(module, createMemory(bytes));
    expect(shard.create(options)).toBe(Status.OK);
    return shard;
  };

  it.each([
    ["features", trees, { features: 3 }],
    ["trees", trees, { trees: 4 }],
    ["height", trees, { height: 4 }],
    ["window", trees, { window: 11 }],
    ["seed", trees, { seed: 43n }],
    ["scaler", trees, { scaler: 2 }],
    ["order of names", trees, { order: [1, 0] }],
    ["limits", trees, { limits: new Map([[1, [0, 2]]]) }],
    ["kind of threshold", trees, { threshold: 0.9 }],
    ["model", trees, cells],
    ["kind", cells, { windowModel: { ...windowModel, kind: "copod" } }],
    ["rolling features", cells, { windowModel: { ...windowModel, rolling: [3] } }],
    ["lags", cells, { windowModel: { ...windowModel, lags: [3] } }],
    ["window of rows that shrinks", cells, { windowModel: { ...windowModel, windowRows: 29 } }],
    ["feature program", { ...trees, features: 6 }, { ...features }],
    ["policy", { ...trees, ...features }, someProgram({ sources: 2, header: { late: 0 } })],
    ["setting that is none", trees, { burnIn: -1 }],
  ] as const)("refuses another %s, and nothing has changed", (_what, options, change) => {
    const shard = make(options);
    shard.step(rowsOf(40, 3));
    const before = stateOf(shard);
    expect(shard.configure({ ...options, ...change } as DetectorOptions)).toBe(Status.BAD_CONFIG);
    expect(stateOf(shard).equals(before)).toBe(true);
    expect(shard.configure(options)).toBe(Status.OK);
    expect(stateOf(shard).equals(before)).toBe(true);
    expect(shard.kernel.configureDetector(1)).toBe(Status.UNKNOWN_DETECTOR);
  });

  it("takes another share of alerts over at once, for scores that came before", () => {
    const [one, other] = [0.3, 0.02].map((alertShare) => {
      const shard = make({ ...trees, alertShare });
      shard.step(rowsOf(200, 2));
      return shard;
    });
    if (one === undefined || other === undefined) throw new Error("two shards");
    expect(one.configure({ ...trees, alertShare: 0.02 })).toBe(Status.OK);
    expect(one.kernel.verify()).toBe(0);
    expect(one.kernel.detectorDigest(0)).toBe(other.kernel.detectorDigest(0));
    const rows = rowsOf(30, 2, 200);
    expect(one.step(rows).map(({ threshold }) => threshold)).toEqual(
      other.step(rows).map(({ threshold }) => threshold),
    );
  });

  it("lets keys leave by and by where fewer are allowed, and ids at once where none are", () => {
    const shard = make({ ...trees, keysPerPartition: 100 });
    const crowd = Array.from({ length: 5000 }, (_, i) => ({
      key: `k${i}`,
      id: `${i}`,
      values: [i, 1],
    }));
    shard.step(crowd);
    expect(shard.kernel.idSequence(0)).toBe(5000);
    expect(shard.configure({ ...trees, keysPerPartition: 2, idsMax: 0 })).toBe(Status.OK);
    expect(shard.counter("keys")).toBe(5000);
    expect(shard.counter("idsRemembered")).toBe(0);
    expect(shard.kernel.idSequence(0)).toBe(0);
    expect(shard.kernel.verify()).toBe(0);
    shard.step(crowd.map((row, i) => ({ key: `new ${i}`, values: row.values })));
    expect(shard.counter("keys")).toBeLessThanOrEqual(512);
    expect(shard.counter("keysEvicted")).toBeGreaterThan(9000);
    expect(shard.kernel.verify()).toBe(0);
  });

  it("shows the state of a cell by its new burn-in, and lets its window grow", async () => {
    const shard = make(cells);
    shard.step(rowsOf(30, 0));
    const taken = shard.take();
    if (taken === undefined) throw new Error("no training is due");
    expect(shard.kernel.takenTraining(0)).toBe(taken.handle);
    expect(shard.kernel.takenTraining(taken.handle)).toBe(0);
    const model = await train(path, "ecod", taken);
    if (model === undefined) throw new Error("no model");
    expect(shard.swap(taken.handle, model)).toBe(Status.OK);
    expect(shard.kernel.takenTraining(0)).toBe(0);
    expect(shard.counter("cellState")).toBe(State.READY);
    const changed = { ...cells, burnIn: 50, windowModel: { ...windowModel, windowRows: 100 } };
    expect(shard.configure(changed)).toBe(Status.OK);
    expect(shard.counter("cellState")).toBe(State.BURN_IN);
    expect(shard.kernel.verify()).toBe(0);
    shard.step(rowsOf(60, 0, 30));
    expect(shard.counter("cellRows")).toBe(90);
    expect(shard.kernel.verify()).toBe(0);
  });

  it("uses as much of the memory as it is told", () => {
    const shard = make(trees, 24 * megabyte);
    const { kernel } = shard;
    expect(kernel.resize(25 * megabyte)).toBe(Status.NO_MEMORY);
    expect(kernel.resize(layout.MEMORY_BYTES_MIN - 1)).toBe(Status.NO_MEMORY);
    expect(kernel.resize(NaN)).toBe(Status.NO_MEMORY);
    expect(kernel.resize(18 * megabyte)).toBe(Status.OK);
    const other = new TestShard(module, createMemory(18 * megabyte));
    expect(other.create(trees)).toBe(Status.OK);
    for (let i = 0; i < 40; i++) {
      const rows = rowsOf(2000, 2000, i * 2000).map((row, j) => ({ ...row, key: `${i} ${j}` }));
      expect(shard.step(rows)).toEqual(other.step(rows));
    }
    expect(shard.counter("keysEvicted")).toBeGreaterThan(0);
    expect(shard.counter("keysEvicted")).toBe(other.counter("keysEvicted"));
    expect(kernel.resize(layout.MEMORY_BYTES_MIN)).toBe(Status.NO_MEMORY);
    expect(kernel.resize(24 * megabyte)).toBe(Status.OK);
    expect(kernel.verify()).toBe(0);
  });

  it("walks a detector's keys in the order of their addresses", () => {
    const long = "long ".repeat(13_000);
    const shard = make({ ...trees, keysPerPartition: 50 });
    expect(shard.create({ ...trees, keysPerPartition: 50 }, 1)).toBe(Status.OK);
    const names = [...Array.from({ length: 700 }, (_, i) => `key ${i}`), long, ""];
    shard.step(names.map((key, i) => ({ key, values: [i, 0], arrivalMs: i })));
    shard.step(names.map((key) => ({ key: `other ${key}`.slice(0, 60), slot: 1, values: [0, 0] })));
    const view = new DataView(shard.memory.buffer);
    const found: string[] = [];
    let before = 0;
    for (;;) {
      const at = shard.kernel.nextKey(0, before) >>> 0;
      if (at === 0) break;
      expect(at).toBeGreaterThan(before);
      before = at;
      const length = view.getUint16(at + layout.Key.length, true);
      const name = Buffer.from(shard.memory.buffer, at + layout.Key.text, length).toString();
      expect(view.getFloat64(at + layout.Key.learned, true)).toBe(1);
      expect(view.getFloat64(at + layout.Key.arrivalMs, true)).toBe(names.indexOf(name));
      found.push(name);
    }
    expect(found.toSorted()).toEqual(names.toSorted());
    expect(shard.kernel.nextKey(2, 0)).toBe(0);
  });

  it.each([trees, cells, { ...trees, ...features }, large])(
    "changes nothing but counters of late rows by rows that are only scored or read",
    (options) => {
      const shard = make(options, 32 * megabyte);
      // Once it is gone, there is room for anything in the middle of the arena.
      expect(shard.create({ ...trees, trees: 60, height: 12 }, 1)).toBe(Status.OK);
      shard.step([{ slot: 1, values: [1, 2] }]);
      const learned = rowsOf(options === large ? 30_000 : 300, 5);
      for (let i = 0; i < learned.length; i += 3000) {
        shard.step(learned.slice(i, i + 3000).map((row) => ({ ...row, op: Op.LEARN_ONLY })));
      }
      expect(shard.kernel.deleteDetector(1)).toBe(Status.OK);
      const before = stateOf(shard);
      const arena = new DataView(shard.memory.buffer).getUint32(layout.Root.arenaTop, true);
      const asked = rowsOf(100, 8, learned.length).map((row, i) => ({
        ...row,
        op: options.program !== undefined && i % 2 === 0 ? Op.READ_FEATURES : Op.SCORE_ONLY,
      }));
      shard.step(asked);
      const used = layout.PAGE_BYTES + arena - layout.ARENA_BASE;
      expect(stateOf(shard).subarray(0, used).equals(before.subarray(0, used))).toBe(true);
    },
  );
});
