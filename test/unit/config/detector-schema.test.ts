import * as fc from "fast-check";
import { expect, it } from "vitest";
import { describeSpec } from "../../../src/config/describe-spec.ts";
import { detectorSchema } from "../../../src/config/detector-schema.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";

/** Canonical JSON in the spelling of a configuration file. */
function asWritten(value: unknown): unknown {
  if (typeof value === "string") {
    return value.replace(
      /^(INPUT_TYPE|MISSING|SCALER|AT_KEYS_MAX|SOURCE)_(.*)$/,
      (_all, _prefix, name: string) => name.toLowerCase(),
    );
  }
  if (Array.isArray(value)) return value.map(asWritten);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, content]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      asWritten(content),
    ]),
  );
}

it("the schema for editors takes every field that is read, and no other", () => {
  const inputs = [
    { name: "a", default_value: 1 },
    { name: "c", type: "category" },
  ];
  const limits = { a: { low: -1, high: 1 } };
  const rules = [{ name: "r", when: "true", score: 1 }];
  for (const answer of [{ threshold: 0.5 }, { alert_share: 0.1 }]) {
    const config = normalizeSpec({ inputs, rules, half_space_trees: { limits }, ...answer });
    const written = asWritten(describeSpec(config));
    expect(detectorSchema.safeParse(written).error?.issues).toBeUndefined();
    expect(normalizeSpec(written)).toEqual(config);
  }
  const names = Object.keys(detectorSchema.shape);
  fc.assert(
    fc.property(fc.constantFrom(...names, "half_space_tree", "input", "key_ttl_ms"), (name) => {
      let text = "";
      try {
        normalizeSpec({ [name]: {} });
      } catch (thrown) {
        text = String(thrown);
      }
      expect(text.includes("no such field")).toBe(!names.includes(name));
    }),
  );
});
