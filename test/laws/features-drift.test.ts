import { expect, test } from "vitest";
import { compileModule } from "../../src/shard/module.ts";
import { builds } from "../kernel.ts";
import { measureDrift } from "./features-drift.ts";

/** 10,000,000 of them are measured by bench/features-drift.ts. */
test("sliding sums do not drift over a million events far from zero", async () => {
  const drift = measureDrift(await compileModule(builds[0]?.[1]), 1_000_000);
  expect(drift.sum).toBeLessThan(1e-15);
  expect(drift.mean).toBeLessThan(1e-15);
  expect(drift.variance).toBeLessThan(1e-12);
  expect(drift.std).toBeLessThan(1e-12);
});
