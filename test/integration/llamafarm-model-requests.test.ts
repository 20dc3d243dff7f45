import fc from "fast-check";
import { expect, it } from "vitest";
import { encodings } from "../../src/encode/state.ts";
import { kindNames } from "../models.ts";
import { call, useService } from "../support/fitted-rig.ts";
import type { FittedAnswer } from "../support/fitted-rig.ts";

useService();

const number = fc.oneof(
  { weight: 9, arbitrary: fc.double({ min: -10, max: 10, noNaN: true }) },
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constant(null),
);
const cell = fc.oneof(
  fc.integer(),
  fc.string(),
  fc.boolean(),
  fc.constantFrom(null, "1e5", "nan", "1.0", 1e300),
);
const bounds = { minLength: 2, maxLength: 40 };
const lists = fc
  .integer({ min: 1, max: 3 })
  .chain((columns) =>
    fc.array(fc.array(number, { minLength: columns, maxLength: columns }), bounds),
  );
const objects = fc.array(fc.record({ a: cell, b: cell, c: cell }, { requiredKeys: [] }), bounds);
const encoding = fc.constantFrom(...encodings);
const usual = fc.record(
  {
    model: fc.constantFrom("a", "b", "a-latest"),
    backend: fc.constantFrom(...kindNames),
    data: fc.oneof(lists, objects),
    schema: fc.record({ a: encoding, b: encoding, c: encoding }, { requiredKeys: [] }),
    normalization: fc.constantFrom("standardization", "zscore", "raw", "calibrated"),
    contamination: fc.constantFrom(0.1, 0.5, 1e-9),
    threshold: fc.constantFrom(null, 0, 0.5),
    explain: fc.boolean(),
    epochs: fc.constant(2),
  },
  { requiredKeys: ["data", "schema", "epochs"] },
);
/** Now and then one field is anything at all. */
const strange = fc.option(
  fc.tuple(
    fc.constantFrom("model", "backend", "data", "schema", "parameters", "threshold", "description"),
    fc.jsonValue({ maxDepth: 3 }),
  ),
  { freq: 5 },
);
const path = fc.constantFrom("fit", "fit", "score", "detect", "save", "load");

it("every request ends with finite scores, or is refused in LlamaFarm's words", async () => {
  const statuses = new Map<number, number>();
  const property = fc.asyncProperty(path, usual, strange, async (where, body, odd) => {
    const sent = odd === null ? body : { ...body, [odd[0]]: odd[1] };
    const answer = await call<FittedAnswer>("POST", `/v1/ml/anomaly/${where}`, sent);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    if (answer.status !== 200) {
      expect([400, 404, 413, 422]).toContain(answer.status);
      expect(Object.keys(answer.body)).toEqual(["detail"]);
    } else if (where === "fit") {
      expect(answer.body.model_params.threshold).toBeTypeOf("number");
    } else if (where === "score" || where === "detect") {
      for (const { score, raw_score: raw } of answer.body.data) {
        expect(Number.isFinite(score) && Number.isFinite(raw)).toBe(true);
      }
    }
  });
  await fc.assert(property, { numRuns: 600, seed: 5 });
  expect(statuses.get(200)).toBeGreaterThan(100);
});
