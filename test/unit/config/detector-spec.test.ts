import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeSpec } from "../../../src/config/describe-spec.ts";
import { detectorName, normalizeSpec } from "../../../src/config/detector-spec.ts";
import { makeDetector, schemaHash } from "../../../src/config/detector.ts";
import { limits } from "../../../src/config/limits.ts";
import { Code, WeirError } from "../../../src/domain/errors.ts";
import { Source } from "../../../src/domain/verdict.ts";

const inputs = [{ name: "amount" }];

/** `field: message` of every violation. */
function violations(spec: unknown): string[] {
  try {
    normalizeSpec(spec);
  } catch (thrown) {
    const error = WeirError.from(thrown);
    expect([error.code, error.reason]).toEqual([Code.INVALID_ARGUMENT, "INVALID_SPEC"]);
    return error.violations.map(({ field, message }) => `${field}: ${message}`);
  }
  return [];
}

describe("normalizeSpec", () => {
  it("fills in the contract's defaults", () => {
    expect(normalizeSpec({ inputs })).toEqual({
      inputs: [
        {
          name: "amount",
          type: "number",
          defaultValue: NaN,
          missing: "refuse",
          rulesOnly: false,
          column: 0,
          position: 0,
        },
      ],
      features: [],
      eventTime: {
        latenessMs: 0,
        late: "score_only",
        futureToleranceMs: 300_000,
        future: "refuse",
        exactEvents: 1024,
      },
      scaler: "none",
      model: {
        kind: "half_space_trees",
        trees: 10,
        height: 8,
        window: 250,
        seed: 42n,
        limits: new Map(),
      },
      threshold: { alertShare: 0.01 },
      burnInEvents: 250,
      timeoutMs: 20,
      batchWaitMs: 10,
      rules: [],
      defaultScore: 0.5,
      fallback: [Source.RULES, Source.CACHED, Source.DEFAULT],
      cachedMaxAgeMs: 60_000,
      keysMax: 100_000,
      atKeysMax: "evict",
      keyTtlMs: 0,
      idsMax: 100_000,
      learnSystemActions: false,
    });
  });

  it("is the same for both spellings, short enums, enum numbers and null", () => {
    const long = normalizeSpec({
      inputs: [
        { name: "a", type: "INPUT_TYPE_NUMBER", defaultValue: 1.5, missing: "MISSING_DEFAULT" },
        { name: "b", type: "INPUT_TYPE_CATEGORY", rulesOnly: true },
      ],
      scaler: "SCALER_MIN_MAX",
      halfSpaceTrees: { seed: "18446744073709551615", limits: { a: { low: -1, high: 1 } } },
      fallback: ["SOURCE_CACHED", "SOURCE_DEFAULT"],
      keysMax: "5000",
      atKeysMax: "AT_KEYS_MAX_REFUSE",
      burnInEvents: 0,
      timeoutMs: 0,
    });
    const short = normalizeSpec({
      inputs: [
        { name: "a", type: 1, default_value: "1.5", missing: "default", rules_only: null },
        { name: "b", type: "category", rules_only: true, default_value: null },
      ],
      scaler: "min_max",
      half_space_trees: {
        seed: 2n ** 64n - 1n,
        limits: new Map([["a", { low: -1n, high: "1e0" }]]),
      },
      fallback: ["Cached", 4],
      keys_max: 5000n,
      at_keys_max: 2n,
      burn_in_events: "0",
      threshold: null,
    });
    expect(short).toEqual(long);
    expect(long.model.seed).toBe(2n ** 64n - 1n);
    expect(long.burnInEvents).toBe(0);
    expect(long.timeoutMs).toBe(20);
  });

  it("freezes all of it", () => {
    const config = normalizeSpec({ inputs, rules: [{ name: "r", when: "amount > 1", score: 1 }] });
    for (const part of [config, config.inputs, config.inputs[0], config.rules[0], config.model]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it.each([
    [undefined, "spec: is missing: a detector needs at least one input"],
    [7, "spec: got 7, expected an object"],
    [{}, "spec.inputs: expected at least one number input that is not rules_only"],
    [{ inputs: {} }, "spec.inputs: got an object, expected a list"],
    [{ inputs: [{ name: "c", type: "category" }] }, "spec.inputs: expected at least one number"],
    [{ inputs: [{ name: "a", rulesOnly: true }] }, "spec.inputs: expected at least one number"],
    [{ inputs: [...inputs, ...inputs] }, 'spec.inputs[1].name: "amount" is declared twice'],
    [{ inputs: [{}] }, "spec.inputs[0].name: must not be empty"],
    [{ inputs: [{ name: "a\nb" }] }, "spec.inputs[0].name: must not contain control characters"],
    [{ inputs: [{ name: "a\ud800" }] }, "spec.inputs[0].name: is not well-formed Unicode"],
    [{ inputs: [{ name: "__proto__" }] }, 'spec.inputs[0].name: "__proto__" cannot be a name'],
    [{ inputs: [{ name: "é".repeat(65) }] }, "spec.inputs[0].name: has 130 bytes, at most 128"],
    [{ inputs: [{ name: "a", type: "numbre" }] }, "expected one of number, category; did you mean"],
    [
      { inputs: [{ name: "a", missing: "default" }] },
      'inputs[0].missing: "default" needs a default_',
    ],
    [{ inputs: [{ name: "a", defaultValue: "NaN" }] }, 'inputs[0].default_value: got "NaN"'],
    [{ inputs: [{ name: "a", defaultValue: 1e101 }] }, "got 1e+101, expected a finite number of"],
    [{ inputs: [...inputs, { name: "c", type: 2, default_value: 1 }] }, "[1].default_value: only"],
    [{ inputs: [{ name: "a", missng: 1 }] }, 'there is no such field; did you mean "missing"?'],
    [
      { inputs, batch_wait_ms: 51 },
      "spec.batch_wait_ms: got 51, expected a whole number between 1",
    ],
    [{ inputs, timeoutMs: 1.5 }, "spec.timeout_ms: got 1.5, expected a whole number"],
    [{ inputs, timeoutMs: -1 }, "spec.timeout_ms: got -1, expected a whole number"],
    [{ inputs, timeout_ms: 1, timeoutMs: 1 }, "spec.timeout_ms: given twice"],
    [{ inputs, keysMax: "x" }, 'spec.keys_max: got "x", expected a whole number'],
    [{ inputs, threshold: 0.5, alertShare: 0.1 }, "spec.alert_share: expected threshold or alert_"],
    [{ inputs, threshold: 95 }, "spec.threshold: got 95, expected a finite number between 0 and 1"],
    [{ inputs, alert_share: 0 }, "spec.alert_share: got 0, expected more than 0"],
    [{ inputs, fallback: ["model"] }, 'spec.fallback[0]: got "model", expected one of rules, cach'],
    [{ inputs, fallback: ["rules", "RULES"] }, 'spec.fallback[1]: "RULES" is named twice'],
    [{ inputs, learn_system_actions: "yes" }, 'got "yes", expected true or false'],
    [{ inputs, rules: [{ when: "true" }] }, "spec.rules[0].name: must not be empty"],
    [{ inputs, rules: [{ name: "r" }] }, "spec.rules[0].when: must not be empty"],
    [{ inputs, rules: [{ name: "r", when: "true", score: 2 }] }, "spec.rules[0].score: got 2"],
    [{ inputs, half_space_trees: { trees: 200, height: 16 } }, "have 13107200 leaves, at most"],
    [{ inputs, half_space_trees: { window: 65_536 } }, "half_space_trees.window: got 65536"],
    [{ inputs, half_space_trees: { seed: 2 ** 60 } }, "lost digits as a number: write it as a dec"],
    [{ inputs, half_space_trees: { seed: -1 } }, "seed: got -1, expected a whole number between 0"],
    [{ inputs, half_space_trees: { seed: "18446744073709551616" } }, "seed: got"],
    [
      { inputs, half_space_trees: { limits: { amuont: {} } } },
      "limits.amuont: is no declared numb",
    ],
    [
      { inputs, half_space_trees: { limits: { amount: { low: 2, high: 1 } } } },
      "low (2) must be l",
    ],
    [{ inputs, half_space_trees: { limits: { ["__proto__"]: {} } } }, "limits.__proto__"],
  ])("refuses %j", (spec, expected) => {
    const [first = "nothing", ...more] = violations(spec);
    expect(first).toContain(expected);
    expect(more).toEqual([]);
  });

  it("tells at most 16 violations, and how many there are in its message", () => {
    const wrong = Array.from({ length: 20 }, () => ({ name: "" }));
    expect(violations({ inputs: wrong })).toHaveLength(16);
    expect(() => normalizeSpec({ inputs: wrong })).toThrow("must not be empty (and 15 more)");
  });

  it("names paths below the one it is given", () => {
    expect(() => normalizeSpec({ inputs, scaler: 9 }, "detectors.cards")).toThrow(
      "detectors.cards.scaler: got 9, expected one of none, standard, min_max",
    );
  });

  it("throws nothing but WeirError, whatever it is given", () => {
    const names = [
      "inputs",
      "name",
      "type",
      "halfSpaceTrees",
      "limits",
      "rules",
      "when",
      "fallback",
    ];
    const garbage = fc.anything({
      key: fc.oneof(fc.constantFrom(...names), fc.string()),
      withBigInt: true,
      withMap: true,
      withNullPrototype: true,
      withSparseArray: true,
      withUnicodeString: true,
    });
    fc.assert(
      fc.property(garbage, garbage, garbage, (spec, input, part) => {
        for (const candidate of [spec, { inputs: [input] }, { inputs, rules: [part] }, part]) {
          try {
            normalizeSpec(candidate);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(WeirError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

const nameArbitrary = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .filter((name) => !/\p{Cc}/u.test(name) && name !== "__proto__" && name.isWellFormed());

const numberInput = fc.record(
  {
    name: nameArbitrary,
    default_value: fc.double({ min: -1e100, max: 1e100, noNaN: true }),
    rules_only: fc.boolean(),
  },
  { requiredKeys: ["name"] },
);
const categoryInput = fc.record({
  name: nameArbitrary,
  type: fc.constant("category"),
  missing: fc.constantFrom("refuse", "model"),
});

const specArbitrary = fc
  .record({
    feature: nameArbitrary,
    more: fc.array(fc.oneof(numberInput, categoryInput), { maxLength: 6 }),
    optional: fc.record(
      {
        scaler: fc.constantFrom("none", "standard", "min_max"),
        half_space_trees: fc.record(
          {
            trees: fc.nat(50),
            height: fc.nat(12),
            window: fc.nat(65_535),
            seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          },
          { requiredKeys: [] },
        ),
        threshold: fc.double({ min: 0, max: 1, noNaN: true }),
        burn_in_events: fc.nat(),
        timeout_ms: fc.nat(60_000),
        batch_wait_ms: fc.nat(50),
        default_score: fc.double({ min: 0, max: 1, noNaN: true }),
        fallback: fc.uniqueArray(fc.constantFrom("rules", "cached", "default")),
        keys_max: fc.nat(limits.keysMax),
        at_keys_max: fc.constantFrom("evict", "refuse"),
        key_ttl_seconds: fc.nat(2 ** 32 - 1),
        ids_max: fc.nat(limits.idsMax),
        learn_system_actions: fc.boolean(),
        rules: fc.constant([{ name: "r", when: "key == 'x'", score: 0.25 }]),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ feature, more, optional }) => {
    const known = new Set([feature]);
    const others = more.filter(({ name }) => !known.has(name) && known.add(name));
    return Object.assign(optional, { inputs: [{ name: feature }, ...others] });
  });

describe("describeSpec", () => {
  it("is read back as the same configuration, also through JSON", () => {
    fc.assert(
      fc.property(specArbitrary, (spec) => {
        const config = normalizeSpec(spec);
        const described = describeSpec(config);
        expect(normalizeSpec(described)).toEqual(config);
        expect(normalizeSpec(JSON.parse(JSON.stringify(described)))).toEqual(config);
      }),
      { numRuns: 200 },
    );
  });

  it("spells enums and 64-bit integers as proto3 JSON does", () => {
    const described = describeSpec(
      normalizeSpec({ inputs, half_space_trees: { limits: { amount: { low: -4, high: 4 } } } }),
    );
    expect(described).toMatchObject({
      inputs: [{ name: "amount", type: "INPUT_TYPE_NUMBER", missing: "MISSING_REFUSE" }],
      scaler: "SCALER_NONE",
      halfSpaceTrees: { seed: "42", limits: { amount: { low: -4, high: 4 } } },
      alertShare: 0.01,
      keysMax: "100000",
      fallback: ["SOURCE_RULES", "SOURCE_CACHED", "SOURCE_DEFAULT"],
    });
    expect(described).not.toHaveProperty("threshold");
  });
});

describe("detectorName", () => {
  it.each(["cards", "a.b", "é", "x".repeat(128), "a b"])("takes %j", (name) => {
    expect(detectorName(name)).toBe(name);
  });
  it.each([
    "",
    "a/b",
    "a\\b",
    "a..b",
    "a\u0000",
    "\u0085",
    "x".repeat(129),
    "\ud800",
    "__proto__",
    7,
    undefined,
  ])("refuses %j", (name) => {
    expect(() => detectorName(name)).toThrow(
      expect.objectContaining({ code: Code.INVALID_ARGUMENT, reason: "INVALID_NAME" }),
    );
  });
});

function hash(...names: { name: string; type?: string }[]): number {
  return schemaHash(normalizeSpec({ inputs: [{ name: "model's own" }, ...names] }));
}

describe("makeDetector", () => {
  const spec = {
    inputs: [
      { name: "a" },
      { name: "c", type: "category" },
      { name: "b", rules_only: true },
      { name: "d" },
    ],
  };

  it("derives columns, positions and features", () => {
    const detector = makeDetector("d", 3, normalizeSpec(spec));
    expect(detector.numberInputs.map(({ name }) => name)).toEqual(["a", "b", "d"]);
    expect(detector.numberInputs.map(({ column }) => column)).toEqual([0, 1, 2]);
    expect(detector.categoryInputs.map(({ name, column }) => [name, column])).toEqual([["c", 0]]);
    expect(detector.features.map(({ position }) => position)).toEqual([0, 3]);
    expect(detector.byName.get("b")?.rulesOnly).toBe(true);
    expect(detector.slot).toBe(3);
  });

  it("hashes names, types and order", () => {
    const hashes = [
      hash({ name: "a" }, { name: "b" }),
      hash({ name: "b" }, { name: "a" }),
      hash({ name: "ab" }),
      hash({ name: "a" }, { name: "b", type: "category" }),
      hash(),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    // Frozen: clients keep these.
    expect(schemaHash(normalizeSpec({ inputs }))).toBe(4020484952);
  });
});
