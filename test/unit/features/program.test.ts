import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { makeDetector } from "../../../src/config/detector.ts";
import { detectorBlock } from "../../../src/control/detector-block.ts";
import type { DetectorConfig, Feature, FeatureProgram } from "../../../src/domain/detector.ts";
import { categoryCode } from "../../../src/features/category-code.ts";
import { planFeatures } from "../../../src/features/program.ts";
import { timeZoneTransitions } from "../../../src/features/time-zone.ts";
import { featureOrder } from "../../../src/shard/feature-order.ts";
import * as numbers from "../../../src/shard/feature-program.ts";
import { Control } from "../../../src/shard/layout.ts";
import { featureSpecs, paymentInputs } from "../../support/feature-specs.ts";

function compile(features: readonly object[], more: object = {}) {
  const spec = { inputs: paymentInputs, features, ...more };
  const detector = makeDetector("d", 0, normalizeSpec(spec));
  const { program } = detector;
  if (program === undefined) throw new Error("no program");
  return { detector, program };
}

type Fields = Readonly<Record<string, number>>;

function fieldsAt(block: Float64Array, at: number, names: Fields): Fields {
  return Object.fromEntries(
    Object.entries(names).flatMap(([name, offset]) =>
      name === "length" ? [] : [[name, block[at + offset] ?? Number.NaN]],
    ),
  );
}

/** A program's block by the names of its parts. */
function partsOf({ block }: FeatureProgram) {
  const { Program, Group, FeatureField } = numbers;
  const header = fieldsAt(block, 0, Program);
  const groups = Array.from({ length: header["groups"] ?? 0 }, (_, i) =>
    fieldsAt(block, Program.length + i * Group.length, Group),
  );
  const featuresAt = Program.length + groups.length * Group.length;
  const features = Array.from({ length: header["features"] ?? 0 }, (_, i) =>
    fieldsAt(block, featuresAt + i * FeatureField.length, FeatureField),
  );
  const zonesAt = featuresAt + features.length * FeatureField.length;
  return { header, groups, features, transitions: [...block.subarray(zonesAt)] };
}

/** Names of what a feature is computed from. */
function inputsOf({ what }: Feature): readonly string[] {
  return what.kind === "ratio" || what.kind === "difference" ? [what.of, what.to] : [what.of];
}

/** The same, from a feature's fields. */
function readBack(
  program: FeatureProgram,
  config: DetectorConfig,
  fields: Fields,
): readonly string[] {
  const source = (index: number) => program.sources[index]?.name ?? "";
  const operand = (of = Number.NaN) =>
    of < 0 ? source(-1 - of) : config.features[program.order[of] ?? -1]?.name;
  const { ratio, difference } = numbers.FeatureNumber;
  const isPair = fields["kind"] === ratio || fields["kind"] === difference;
  return isPair
    ? [operand(fields["of"]) ?? "", operand(fields["to"]) ?? ""]
    : [source(fields["source"] ?? -1)];
}

const velocity = [
  { name: "n_1m", aggregate: "count", window: { sliding: "1m" } },
  { name: "rate_1m", aggregate: "rate", window: { sliding: "60s" }, unit: "1h" },
  {
    name: "mean_30d",
    of: "amount",
    aggregate: "mean",
    window: { sliding: "30d" },
    default_value: 0,
    hidden: true,
  },
  {
    name: "z_30d",
    of: "amount",
    aggregate: "zscore",
    window: { sliding: "30d" },
    default_value: 0,
  },
  { name: "max_30d", of: "amount", aggregate: "max", window: { sliding: "30d" }, default_value: 0 },
  { name: "ratio", ratio: { of: "amount", to: "mean_30d" }, default_value: 1 },
  { name: "gap", difference: { of: "age", to: "n_1m" }, default_value: 0, hidden: true },
];

describe("compileFeatures", () => {
  it("sends what features read before what the model reads, and seen features before hidden ones", () => {
    const { program, detector } = compile([
      ...velocity,
      { name: "german", of: "country", encode: "onehot", category: "DE" },
    ]);
    expect(program.sources.map(({ name }) => name)).toEqual([
      "age",
      "country",
      "amount",
      "balance",
    ]);
    expect(program.modelFirst).toBe(2);
    expect(program.columns).toEqual([
      "amount",
      "balance",
      "n_1m",
      "rate_1m",
      "z_30d",
      "max_30d",
      "ratio",
      "german",
    ]);
    expect(program.order).toEqual([0, 1, 3, 4, 5, 7, 2, 6]);
    expect(detector.features.map(({ name }) => name)).toEqual(["amount", "balance"]);
    const { header, features } = partsOf(program);
    expect(header).toEqual({
      sources: 4,
      features: 8,
      modelFirst: 2,
      modelColumns: 8,
      latenessMs: 0,
      futureToleranceMs: 300_000,
      late: 1,
      future: 0,
      exactEvents: 1024,
      groups: 2,
      transitions: 0,
      oneCell: 0,
    });
    // amount / mean_30d; age - n_1m.
    expect(features[4]).toMatchObject({
      kind: 48,
      group: -1,
      source: -1,
      of: -3,
      to: 6,
      defaultValue: 1,
    });
    expect(features[7]).toMatchObject({ kind: 49, group: -1, source: -1, of: -1, to: 0 });
    expect(features[5]).toMatchObject({
      kind: 33,
      group: -1,
      source: 1,
      category: categoryCode("DE"),
      defaultValue: 0,
    });
    expect(features[1]).toMatchObject({
      kind: 15,
      group: 0,
      source: -1,
      parameter: 3_600_000,
      category: NaN,
      defaultValue: NaN,
    });
  });

  it("keeps the events of several features once", () => {
    const { program } = compile(velocity);
    const { groups } = partsOf(program);
    const { NeedBits, WindowNumber } = numbers;
    expect(groups).toHaveLength(2);
    expect(groups[0]).toMatchObject({
      window: WindowNumber.sliding,
      size: 60_000,
      source: -1,
      filterSource: -1,
      needs: 0,
    });
    expect(groups[1]).toMatchObject({
      size: 30 * 86_400_000,
      source: 1,
      needs: NeedBits.moments | NeedBits.extremes,
    });
  });

  it("keeps other events apart: by window, value, filter, exclusion and length of sequence", () => {
    const base = { of: "amount", aggregate: "sum", window: { sliding: "1m" } };
    const { program } = compile([
      { name: "a", ...base },
      { name: "b", ...base, window: { sliding: "2m" } },
      { name: "c", ...base, of: "age" },
      { name: "d", ...base, where: { input: "amount", less: 10 } },
      { name: "e", ...base, where: { input: "amount", at_most: 10 } },
      { name: "f", ...base, where: { input: "country", equals: "DE" } },
      { name: "g", ...base, exclude_current: true },
      { name: "h", of: "country", aggregate: "novelty", default_value: 0 },
      { name: "i", of: "country", aggregate: "novelty", default_value: 0, n: 3 },
      { name: "j", of: "amount", aggregate: "lag", default_value: 0, n: 7 },
      { name: "k", of: "amount", aggregate: "lag", default_value: 0 },
      { name: "l", of: "country", aggregate: "time_since", default_value: 0 },
      { name: "m", aggregate: "time_since", default_value: 0 },
    ]);
    const { groups, features } = partsOf(program);
    expect(features.map(({ group }) => group)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 7, 10]);
    expect(groups[5]).toMatchObject({
      filterSource: 1,
      filterOp: 1,
      filterValue: categoryCode("DE"),
    });
    expect(groups[6]).toMatchObject({ excludeCurrent: 1 });
    expect(groups[7]).toMatchObject({ sequence: 2, needs: 320, excludeCurrent: 0 });
  });

  it("writes every kind of window", () => {
    const windows = [
      [{ hopping: { size: "1h", slide: "5m" } }, { window: 2, size: 3_600_000, slide: 300_000 }],
      [{ tumbling: "1d" }, { window: 3, size: 86_400_000 }],
      [{ tumbling: "day" }, { window: 4, size: 0, zone: 0, zoneTransitions: 0 }],
      [
        { tumbling: "week", time_zone: "Europe/Berlin" },
        { window: 5, zone: 0, zoneTransitions: 143 },
      ],
      [
        { tumbling: "month", time_zone: "Asia/Tokyo" },
        { window: 6, zone: 143, zoneTransitions: 1 },
      ],
      [
        { tumbling: "day", time_zone: "Europe/Berlin" },
        { window: 4, zone: 0, zoneTransitions: 143 },
      ],
      [{ session: "30m" }, { window: 7, size: 1_800_000 }],
      [{ last: 10 }, { window: 8, size: 10 }],
      [{ global: { every_events: 5 } }, { window: 9, slide: 5, every: 0, onChange: 0 }],
      [{ global: { every: "1h" } }, { window: 9, slide: 0, every: 3_600_000, onChange: 0 }],
      [{ global: { on_change: true } }, { window: 9, slide: 0, every: 0, onChange: 1 }],
    ] as const;
    const features = windows.map(([window], i) => ({
      name: `f${i}`,
      of: "amount",
      aggregate: "sum",
      window,
    }));
    const { groups, transitions, header } = partsOf(compile(features).program);
    windows.forEach(([, fields], i) => expect(groups[i]).toMatchObject(fields));
    expect(header["transitions"]).toBe(144);
    expect(transitions).toEqual([...timeZoneTransitions("Europe/Berlin").flat(), 0, 9 * 3_600_000]);
  });

  it("knows whether the model has one cell", () => {
    const { window } = { window: { scope: "key" } };
    const cell = (more: object) => partsOf(compile(velocity, more).program).header["oneCell"];
    expect([cell({}), cell({ ecod: {} }), cell({ ecod: {}, window })]).toEqual([0, 1, 0]);
  });

  it("leaves no feature without what it is computed from", () => {
    fc.assert(
      fc.property(featureSpecs, (spec) => {
        const { config, program } = makeDetector("d", 0, normalizeSpec(spec));
        if (program === undefined) throw new Error("no program");
        const { header, groups, features } = partsOf(program);
        expect([...program.order].toSorted((a, b) => a - b)).toEqual(
          config.features.map((_, i) => i),
        );
        expect(header["modelColumns"]).toBe(program.columns.length);
        expect(planFeatures(config).groups).toHaveLength(groups.length);
        for (const [position, index] of program.order.entries()) {
          const fields = features[position] ?? {};
          const feature = config.features[index];
          if (feature !== undefined)
            expect(readBack(program, config, fields)).toEqual(inputsOf(feature));
          const group = groups[fields["group"] ?? -1];
          if (group !== undefined) expect(group["source"]).toBe(fields["source"]);
        }
      }),
    );
  });
});

describe("detectorBlock", () => {
  it("has the program after the columns of the model", () => {
    const limits = { n_1m: { low: 0, high: 50 } };
    const { detector, program } = compile(velocity, { half_space_trees: { limits } });
    const block = detectorBlock(detector);
    expect(block[Control.features]).toBe(program.columns.length);
    expect(block[Control.hasProgram]).toBe(1);
    expect(block.subarray(Control.program)).toEqual(program.block);
    const count = program.columns.length;
    const order = [...block.subarray(Control.order, Control.order + count)];
    expect(order).toEqual(featureOrder(program.columns));
    const column = program.columns.indexOf("n_1m");
    expect(block[Control.order + 2 * count + column]).toBe(50);
  });

  it("says of a detector without features that there is none", () => {
    const block = detectorBlock(makeDetector("d", 0, normalizeSpec({ inputs: paymentInputs })));
    expect([block.length, block[Control.hasProgram], block[Control.features]]).toEqual([
      Control.program,
      0,
      2,
    ]);
  });
});
