import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeSpec } from "../../../src/config/describe-spec.ts";
import { detectorSchema } from "../../../src/config/detector-schema.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { makeDetector, schemaHash } from "../../../src/config/detector.ts";
import { featureSpecs, paymentInputs } from "../../support/feature-specs.ts";

const mean = { name: "m", of: "amount", aggregate: "mean", default_value: 0 };

describe("a feature", () => {
  it("is read with the contract's defaults", () => {
    const features = [
      { name: "n", aggregate: "count", window: { sliding: "90s" } },
      { name: "gap", aggregate: "time_since", default_value: -0 },
      { name: "before", of: "amount", aggregate: "lag", default_value: 1, hidden: true },
      { name: "new", of: "country", aggregate: "AGGREGATE_NOVELTY", default_value: 1 },
      { name: "hashed", of: "country", encode: "hash" },
    ];
    const config = normalizeSpec({ inputs: paymentInputs, features });
    const allEvents = { kind: "global", everyEvents: 0, everyMs: 0, onChange: false };
    const plain = {
      kind: "aggregate",
      of: "",
      window: allEvents,
      where: undefined,
      excludeCurrent: false,
      quantile: 0,
      category: "",
      n: 0,
      unitMs: 1000,
    };
    expect(config.features).toEqual([
      {
        name: "n",
        seen: true,
        defaultValue: NaN,
        what: { ...plain, aggregate: "count", window: { kind: "sliding", sizeMs: 90_000 } },
      },
      {
        name: "gap",
        seen: true,
        defaultValue: 0,
        what: { ...plain, aggregate: "time_since", excludeCurrent: true },
      },
      {
        name: "before",
        seen: false,
        defaultValue: 1,
        what: { ...plain, aggregate: "lag", of: "amount", n: 1, excludeCurrent: true },
      },
      {
        name: "new",
        seen: true,
        defaultValue: 1,
        what: { ...plain, aggregate: "novelty", of: "country", n: 2, excludeCurrent: true },
      },
      {
        name: "hashed",
        seen: true,
        defaultValue: 0,
        what: {
          kind: "encode",
          encode: "hash",
          of: "country",
          window: allEvents,
          category: "",
          n: 1000,
        },
      },
    ]);
    expect(config.eventTime).toEqual({
      latenessMs: 0,
      late: "score_only",
      futureToleranceMs: 300_000,
      future: "refuse",
      exactEvents: 1024,
    });
  });

  it("described and read again is the same, in every kind and in a file's spelling", () => {
    fc.assert(
      fc.property(featureSpecs, (spec) => {
        const config = normalizeSpec(spec);
        const described = describeSpec(config);
        expect(normalizeSpec(described)).toEqual(config);
        expect(describeSpec(normalizeSpec(JSON.parse(JSON.stringify(described))))).toEqual(
          described,
        );
        expect(detectorSchema.safeParse(spec).error?.issues).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it("is described with what is taken for granted", () => {
    const { features, eventTime } = describeSpec(
      normalizeSpec({
        inputs: paymentInputs,
        features: [{ name: "n", aggregate: "rate", where: { input: "amount", at_least: 10 } }],
      }),
    );
    expect({ features, eventTime }).toEqual({
      features: [
        {
          name: "n",
          aggregate: "AGGREGATE_RATE",
          window: { global: {} },
          unit: "1s",
          where: { input: "amount", atLeast: 10 },
          excludeCurrent: false,
          hidden: false,
        },
      ],
      eventTime: {
        allowedLateness: "0s",
        late: "TIME_POLICY_SCORE_ONLY",
        futureTolerance: "5m",
        future: "TIME_POLICY_REFUSE",
        exactEvents: 1024,
      },
    });
    expect(describeSpec(normalizeSpec({ inputs: paymentInputs }))).not.toHaveProperty("eventTime");
  });

  it("is one thing the model sees: all inputs may be for rules then", () => {
    const inputs = [{ name: "country", type: "category" }];
    const features = [{ name: "n", aggregate: "count", window: { sliding: "1m" } }];
    const detector = makeDetector("d", 0, normalizeSpec({ inputs, features }));
    expect(detector.features).toEqual([]);
    expect(detector.program?.columns).toEqual(["n"]);
    expect(detector.schema).toBe(schemaHash({ inputs: detector.config.inputs }));
    const hidden = features.map((feature) => ({ ...feature, hidden: true }));
    expect(() => normalizeSpec({ inputs, features: hidden })).toThrow(
      /the model sees none of them/,
    );
  });

  it("may have a box of its own for the trees", () => {
    const limits = { m: { low: 0, high: 500 } };
    const { model } = normalizeSpec({
      inputs: paymentInputs,
      features: [mean],
      half_space_trees: { limits },
    });
    expect("limits" in model && model.limits.get("m")).toEqual([0, 500]);
    const features = [{ ...mean, hidden: true }];
    expect(() =>
      normalizeSpec({ inputs: paymentInputs, features, half_space_trees: { limits } }),
    ).toThrow(/limits\.m: is no declared number input or feature that the model sees/);
  });
});
