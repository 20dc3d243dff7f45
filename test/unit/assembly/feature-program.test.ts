import { describe, expect, it } from "vitest";
import {
  FeatureField,
  FeatureNumber,
  Group,
  NeedBits,
  Program,
  WindowNumber,
} from "../../../src/shard/feature-program.ts";
import { Control, CONTROL_BASE, MEMORY_BYTES_MIN, Op, Status } from "../../../src/shard/layout.ts";
import { builds, TestShard } from "../../kernel.ts";
import type { DetectorOptions } from "../../kernel.ts";
import { programBlock, someProgram } from "../../support/feature-blocks.ts";

const whole = 2 ** 53;
const group = (index: number, field: number): number =>
  Program.length + index * Group.length + field;
const feature = (index: number, field: number): number =>
  Program.length + 2 * Group.length + index * FeatureField.length + field;

/** Of the program below: what no field may hold. */
const wrong: readonly (readonly [what: string, at: number, values: readonly number[]])[] = [
  ["sources", Program.sources, [-1, 1.5, NaN, 1, 257]],
  ["features", Program.features, [0, -1, 65, NaN, 2.5]],
  ["modelFirst", Program.modelFirst, [-1, 4, 0.5, NaN]],
  ["modelColumns", Program.modelColumns, [5, 7, NaN]],
  ["latenessMs", Program.latenessMs, [-1, NaN, Infinity, 0.5]],
  ["futureToleranceMs", Program.futureToleranceMs, [-1, NaN, Infinity]],
  ["late", Program.late, [-1, 3, NaN, 0.5]],
  ["future", Program.future, [-1, 3, NaN]],
  ["exactEvents", Program.exactEvents, [0, -1, 65537, NaN, 4]],
  ["groups", Program.groups, [-1, 1, 65, NaN]],
  ["transitions", Program.transitions, [-1, 1025, NaN, 0.5]],
  ["oneCell", Program.oneCell, [1, -1, NaN]],
  ["group's window", group(0, Group.window), [0, 10, NaN, 1.5]],
  ["group's size", group(0, Group.size), [0, -1, NaN, Infinity, 0.5, whole]],
  ["last events", group(1, Group.size), [0, 65, NaN]],
  ["group's zone", group(0, Group.zone), [-1, 1, NaN]],
  ["group's transitions", group(0, Group.zoneTransitions), [-1, 1, NaN]],
  ["group's source", group(0, Group.source), [-2, 3, NaN, 0]],
  ["group's filter", group(0, Group.filterOp), [-1, 8, NaN]],
  ["excludeCurrent", group(0, Group.excludeCurrent), [-1, 2, NaN]],
  ["needs", group(0, Group.needs), [0, -1, 1024, NaN, NeedBits.moments, NeedBits.extremes]],
  ["lags", group(0, Group.lags), [-1, 65537, NaN]],
  ["sequence", group(0, Group.sequence), [-1, 9, NaN]],
  ["kind", feature(0, FeatureField.kind), [0, 21, 31, 37, 47, 50, NaN, 1.5]],
  ["feature's group", feature(1, FeatureField.group), [-1, 2, 1, NaN]],
  ["feature's source", feature(1, FeatureField.source), [-1, 0, 2, NaN]],
  ["unit", feature(3, FeatureField.parameter), [0, -1, NaN, Infinity]],
  ["category", feature(0, FeatureField.category), [Infinity]],
  ["default", feature(1, FeatureField.defaultValue), [NaN, Infinity, -Infinity]],
];

describe.each(builds)("feature programs, %s build", async (_name, path) => {
  const shard = await TestShard.make(path, MEMORY_BYTES_MIN + (8 << 20));
  const good: DetectorOptions & { readonly program: Float64Array } = someProgram({
    sources: 3,
    modelFirst: 1,
  });

  const create = (options: DetectorOptions): number => {
    const status = shard.create({ ...options, trees: 2, height: 2, window: 10 });
    if (status === Status.OK) shard.kernel.deleteDetector(0);
    expect(shard.kernel.verify()).toBe(0);
    return status;
  };

  it("are taken as they are meant", () => {
    expect(create(good)).toBe(Status.OK);
  });

  it.each(wrong)("are refused with a wrong number: %s", (_what, at, values) => {
    for (const value of values) {
      const program = good.program.slice();
      program[at] = value;
      expect([value, create({ ...good, program })]).toEqual([value, Status.BAD_CONFIG]);
    }
  });

  it("are refused where a detector says neither yes nor no", () => {
    for (const value of [0.5, 2, -1, NaN]) {
      create(good);
      new Float64Array(shard.memory.buffer)[(CONTROL_BASE >>> 3) + Control.hasProgram] = value;
      expect(shard.kernel.createDetector(0)).toBe(Status.BAD_CONFIG);
    }
  });

  it("are refused with windows, time zones and features that lead nowhere", () => {
    const of = (parts: Parameters<typeof programBlock>[0]): number =>
      create({
        features: 2,
        program: programBlock({ ...parts, header: { sources: 1, modelColumns: 2 } }),
      });
    const count = { kind: FeatureNumber.count, source: 0, category: NaN, defaultValue: NaN };
    const needless = { window: WindowNumber.day, source: 0 };
    const zone = { ...needless, zone: 0, zoneTransitions: 2 };
    const at = (first: number, second: number, offset = 0) => ({
      groups: [zone],
      features: [count],
      transitions: [
        [first, 0],
        [second, offset],
      ] as const,
    });
    expect(of(at(1, 2))).toBe(Status.OK);
    expect(of(at(2, 2))).toBe(Status.BAD_CONFIG);
    expect(of(at(NaN, 2))).toBe(Status.BAD_CONFIG);
    expect(of(at(1, 2, NaN))).toBe(Status.BAD_CONFIG);
    expect(of(at(1, 2, 3 * 86_400_000))).toBe(Status.BAD_CONFIG);
    const hopping = { window: WindowNumber.hopping, source: 0, size: 60 };
    expect(of({ groups: [{ ...hopping, slide: 20 }], features: [count] })).toBe(Status.OK);
    for (const slide of [0, 25, 61, NaN]) {
      expect(of({ groups: [{ ...hopping, slide }], features: [count] })).toBe(Status.BAD_CONFIG);
    }
    const global = { window: WindowNumber.global, source: 0 };
    for (const fields of [{ slide: -1 }, { slide: 0.5 }, { every: NaN }, { onChange: 2 }]) {
      expect(of({ groups: [{ ...global, ...fields }], features: [count] })).toBe(Status.BAD_CONFIG);
    }
    const combined = { kind: FeatureNumber.ratio, to: -1, defaultValue: 0, source: -1 };
    const ratio = (operand: number, group = -1) =>
      of({
        groups: [needless],
        features: [{ ...combined, of: operand, group }],
      });
    expect(ratio(-1)).toBe(Status.OK);
    // Of a group, it would be computed with one.
    for (const group of [0, 1, 1e9, NaN]) expect(ratio(-1, group)).toBe(Status.BAD_CONFIG);
    // Itself, past the last feature, past the last source.
    for (const operand of [0, 1, -2, NaN, 0.5]) expect(ratio(operand)).toBe(Status.BAD_CONFIG);
    const filter = (fields: object) =>
      of({ groups: [{ ...needless, ...fields }], features: [count] });
    expect(filter({ filterOp: 3, filterSource: 0 })).toBe(Status.OK);
    expect(filter({ filterOp: 3, filterSource: 1 })).toBe(Status.BAD_CONFIG);
    expect(filter({ filterOp: 3, filterSource: -1 })).toBe(Status.BAD_CONFIG);
    expect(filter({ filterOp: 3, filterValue: NaN })).toBe(Status.BAD_CONFIG);
    const lag = { kind: FeatureNumber.lag, source: 0, category: NaN, defaultValue: 0 };
    const lagging = { ...global, needs: NeedBits.lags, lags: 3 };
    expect(of({ groups: [lagging], features: [{ ...lag, parameter: 3 }] })).toBe(Status.OK);
    for (const parameter of [0, 4, 1.5, NaN]) {
      expect(of({ groups: [lagging], features: [{ ...lag, parameter }] })).toBe(Status.BAD_CONFIG);
    }
  });

  it("share a cell under window models alone, and leave rolling features to others", () => {
    const windowModel = {
      kind: "ecod",
      windowRows: 20,
      minSamples: 10,
      retrainInterval: 5,
    } as const;
    const shared = someProgram({ sources: 3, header: { oneCell: 1 } });
    expect(create(shared)).toBe(Status.BAD_CONFIG);
    expect(create({ ...shared, threshold: 0.5, windowModel })).toBe(Status.OK);
    const rolling = { ...windowModel, rolling: [3] };
    expect(create({ ...shared, threshold: 0.5, windowModel: rolling })).toBe(Status.BAD_CONFIG);
  });

  it("are refused where no memory is left for them, and nothing stays", async () => {
    const small = await TestShard.make(path, MEMORY_BYTES_MIN);
    const options = { ...good, trees: 2, height: 2, window: 10 };
    expect(small.create(options)).toBe(Status.OK);
    // Its keys take all that there is.
    for (let batch = 0; batch < 2; batch++) {
      const keys = Array.from({ length: 8000 }, (_, i) => `${batch} ${i}`);
      small.step(keys.map((key) => ({ op: Op.DERIVE, key, values: [1, 2, 3] })));
    }
    const statuses = Array.from({ length: 63 }, (_, i) => small.create(options, i + 1));
    expect(small.kernel.verify()).toBe(0);
    expect(statuses).toContain(Status.NO_MEMORY);
    for (let slot = 0; slot < 64; slot++) small.kernel.deleteDetector(slot);
    expect(small.kernel.verify()).toBe(0);
    for (let slot = 0; slot < 64; slot++) expect(small.counter("stateBytes", slot)).toBe(0);
  });
});
