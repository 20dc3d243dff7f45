import { beforeAll, describe, expect, it } from "vitest";
import { Status } from "../../../src/shard/layout.ts";
import { compileModule, createMemory } from "../../../src/shard/module.ts";
import { builds, mulberry, normal, TestShard } from "../../kernel.ts";
import type { DetectorOptions } from "../../kernel.ts";

const trees: DetectorOptions = { features: 3, trees: 2, height: 5, window: 20, burnIn: 0 };
const counts: DetectorOptions = { ...trees, height: 3, window: 50 };
const cells: DetectorOptions = {
  features: 2,
  threshold: 0.5,
  windowModel: {
    kind: "ecod",
    windowRows: 20,
    minSamples: 50,
    retrainInterval: 5,
    rolling: [3],
    lags: [2],
  },
};

/** As assembly/transfer/parts.ts has them. */
const Piece = { HEAD: 1, TABLE: 2, KEY: 3, BULK: 4, IDS: 5, END: 6 } as const;

/** Address of the n-th piece of a kind in a part, behind its header. */
function find(part: DataView, kind: number, n = 0): number {
  let found = 0;
  for (let at = 16; at < part.byteLength;) {
    const bytes = part.getUint32(at + 4, true);
    if (part.getUint32(at, true) === kind && found++ === n) return at + 8;
    at += 8 + ((bytes + 7) & ~7);
  }
  throw new Error(`no piece ${kind}`);
}

type Damage = readonly [what: string, options: DetectorOptions, change: (part: DataView) => void];

const u32 = (kind: number, offset: number, value: number, n = 0) => {
  return (part: DataView) => part.setUint32(find(part, kind, n) + offset, value, true);
};
const f64 = (kind: number, offset: number, value: number, n = 0) => {
  return (part: DataView) => part.setFloat64(find(part, kind, n) + offset, value, true);
};

/** Bytes of a key's record before the key itself. */
const mask = 128;

const damages: readonly Damage[] = [
  ["another format", trees, u32(Piece.HEAD, 0, 2)],
  ["state of another detector", trees, u32(Piece.HEAD, 8, 1)],
  ["more keys than come", trees, u32(Piece.HEAD, 4, 99)],
  ["fewer keys than come", trees, u32(Piece.HEAD, 4, 1)],
  ["a key of a cell that cannot be", trees, u32(Piece.HEAD, 24, 1)],
  ["more ids than come", trees, u32(Piece.HEAD, 28, 99)],
  ["a partition that is none", trees, u32(Piece.TABLE, 0, 256)],
  ["a table of an odd size", trees, u32(Piece.TABLE, 4, 9)],
  ["a table that is too full", trees, u32(Piece.TABLE, 8, 8)],
  ["a table with a key less", trees, u32(Piece.TABLE, 8, 0)],
  ["a place outside of the table", trees, u32(Piece.KEY, 0, 8)],
  ["a place where the key is not looked for", trees, misplace],
  ["a key longer than its piece", trees, u32(Piece.KEY, 4, 9)],
  [
    "a hash of another partition",
    trees,
    (part) => {
      const at = find(part, Piece.KEY) + 8;
      part.setUint32(at, part.getUint32(at, true) ^ 1, true);
    },
  ],
  ["a key that no model knows", trees, u32(Piece.KEY, 20, 0)],
  ["a flag that is neither", trees, u32(Piece.KEY, 24, 2)],
  ["a window of other events", trees, u32(Piece.KEY, 28, 3)],
  ["half an event", trees, f64(Piece.KEY, 32, 30.5)],
  ["no number of events", trees, f64(Piece.KEY, 32, NaN)],
  ["a tick beyond all", trees, u32(Piece.KEY, 44, 2 ** 31)],
  ["scores that are not in the sketch", trees, u32(Piece.KEY, 56, 7)],
  ["a quantile past the sketch", trees, u32(Piece.KEY, 64, 5000)],
  ["a model that trees do not have", trees, u32(Piece.KEY, 80, 256)],
  ["features without a program", trees, u32(Piece.KEY, 84, 80)],
  ["trees of no feature", trees, u32(Piece.KEY, mask, 0)],
  ["trees of a feature that is none", trees, u32(Piece.KEY, mask, 0b1111)],
  ["trees of a feature far beyond", trees, u32(Piece.KEY, mask + 28, 1)],
  ["a leaf that is none", trees, (part) => part.setUint8(find(part, Piece.BULK), 32)],
  ["counts of other events", counts, (part) => part.setUint16(find(part, Piece.BULK), 49, true)],
  ["a peak that no total has", trees, f64(Piece.BULK, 0, 1, 1)],
  [
    "totals of another peak",
    trees,
    (part) => part.setUint16(find(part, Piece.BULK, 1) + 8, 60_000, true),
  ],
  ["a sketch that is full", trees, fullSketch],
  [
    "more absences than events",
    trees,
    (part) => {
      // After the record, a key of 1 byte, and two pairs of means, variances and deviations.
      part.setFloat64(find(part, Piece.KEY) + 160 + 8 + 2 * 48, 1e6, true);
    },
  ],
  [
    "an id twice",
    trees,
    (part) => {
      const at = find(part, Piece.IDS);
      for (let i = 0; i < 64; i++) part.setUint8(at + 64 + i, part.getUint8(at + i));
    },
  ],
  ["an id of no sequence", trees, f64(Piece.IDS, 16, NaN)],
  ["half an id", trees, (part) => part.setUint32(find(part, Piece.IDS) - 4, 60, true)],
  ["a negative counter", trees, f64(Piece.END, 0, -1)],
  ["no time of a heartbeat", trees, f64(Piece.END, 96, NaN)],
  ["a ring that is too large", cells, u32(Piece.KEY, 72, 21)],
  ["a ring of nothing", cells, u32(Piece.KEY, 72, 0)],
  ["more rows than the ring has room for", cells, u32(Piece.KEY, 28, 21)],
  ["a cell that is never due", cells, f64(Piece.KEY, 88, NaN)],
  ["a version without a model", cells, u32(Piece.KEY, 76, 1)],
  ["a model that is none", cells, u32(Piece.KEY, 80, 64)],
  ["rolling state of other columns", cells, u32(Piece.BULK, 0, 3, 1)],
  ["rolling state of a row that is none", cells, u32(Piece.BULK, 20, 3, 1)],
  ["rolling state of another window", cells, u32(Piece.BULK, 32, 4, 1)],
  // After the header, the lists and 3 rows of 2 columns.
  ["a window of more than its values", cells, u32(Piece.BULK, 32 + 16 + 48, 4, 1)],
  ["a window that is fuller than full", cells, u32(Piece.BULK, 32 + 16 + 48 + 4, 4, 1)],
];

function misplace(part: DataView): void {
  const at = find(part, Piece.KEY);
  const home = (part.getUint32(at + 8, true) >>> 8) & 7;
  part.setUint32(at, (home + 4) & 7, true);
}

/** A score has been counted as often as can be counted, and all agree on that. */
function fullSketch(part: DataView): void {
  const key = find(part, Piece.KEY);
  const sketch = find(part, Piece.BULK, 1) + 8 + 2 * 32 * 2;
  const bucket = part.getUint32(key + 64, true);
  const more = 65_535 - part.getUint16(sketch + 2 * bucket, true);
  part.setUint16(sketch + 2 * bucket, 65_535, true);
  part.setUint32(key + 56, part.getUint32(key + 56, true) + more, true);
  part.setUint32(key + 68, part.getUint32(key + 68, true) + more, true);
}

describe.each(builds)("parts of state, %s build", (_name, path) => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await compileModule(path);
  });

  const make = (options: DetectorOptions): TestShard => {
    const shard = new TestShard(module, createMemory(20 << 20));
    expect(shard.create(options)).toBe(Status.OK);
    return shard;
  };

  const exportOf = (options: DetectorOptions): Uint8Array => {
    const shard = make(options);
    const random = mulberry(3);
    const width = options.features;
    shard.step(
      Array.from({ length: 90 }, (_, i) => ({
        key: "abc"[i % 3] ?? "",
        id: `${i}`,
        values: Array.from({ length: width }, () => normal(random)),
      })),
    );
    const [part, ...others] = shard.exportState();
    if (part === undefined || others.length > 0) throw new Error("not one part");
    return part;
  };

  it.each([trees, counts, cells])("are taken as they were written", (options) => {
    const to = make(options);
    expect(to.importState([exportOf(options)])).toBe(Status.OK);
    expect(to.kernel.verify()).toBe(0);
    expect(to.importState([exportOf(options)])).toBe(Status.BAD_MODEL);
    expect(to.kernel.verify()).toBe(0);
  });

  it.each(damages)("are refused with %s", (_what, options, change) => {
    const part = exportOf(options);
    change(new DataView(part.buffer, part.byteOffset, part.length));
    const to = make(options);
    expect(to.importState([part])).toBe(Status.BAD_MODEL);
    expect(to.kernel.verify()).toBe(0);
    expect(to.kernel.deleteDetector(0)).toBe(Status.OK);
    expect(to.counter("stateBytes")).toBe(0);
  });

  it("are refused out of their order, of another detector, and where keys are already", () => {
    const part = exportOf(trees);
    const cut = part.slice(0, 16 + 8 + 32);
    const view = new DataView(cut.buffer);
    view.setUint32(8, cut.length, true);
    view.setUint32(12, 0, true);
    const to = make(trees);
    expect(to.importState([cut])).toBe(Status.OK);
    expect(to.importState([cut])).toBe(Status.BAD_MODEL);
    expect(make({ ...trees, seed: 43n }).importState([part])).toBe(Status.BAD_MODEL);
    expect(make({ ...trees, threshold: 0.5 }).importState([part])).toBe(Status.BAD_MODEL);
    const used = make(trees);
    used.step([{ key: "a", values: [1, 2, 3] }]);
    expect(used.importState([part])).toBe(Status.BAD_MODEL);
    expect(used.kernel.importState(1, 16)).toBe(Status.UNKNOWN_DETECTOR);
    expect(used.kernel.exportState(1, 1)).toBe(0);
  });

  it("say when there is no memory for them", () => {
    const large: DetectorOptions = { ...trees, height: 14, trees: 20, window: 20 };
    const part = make(large);
    part.step(Array.from({ length: 90 }, () => ({ key: "a", values: [1, 2, 3] })));
    const to = new TestShard(module, createMemory(17 << 20));
    expect(to.create(large)).toBe(Status.OK);
    expect(to.importState(part.exportState())).toBe(Status.NO_MEMORY);
    expect(to.kernel.verify()).toBe(0);
    expect(to.kernel.deleteDetector(0)).toBe(Status.OK);
    expect(to.kernel.verify()).toBe(0);
  });
});
