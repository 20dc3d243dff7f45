import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { featureOrder } from "../../src/shard/feature-order.ts";
import { builds, mulberry, TestShard } from "../kernel.ts";
import type { DetectorOptions, RowInput } from "../kernel.ts";
import { lacks, readBytes, readCases, readF64 } from "./golden-files.ts";
import type { GoldenCase } from "./golden-files.ts";

/**
 * Golden folders beside the fixtures, whose tables must not be copied into the project: WEIR_REAL_GOLDEN (NAB, ADBench) and
 * WEIR_PORTABLE_GOLDEN (adds water_flow and bananas to the fixtures).
 */
const roots = [
  ["fixtures", fileURLToPath(new URL("../fixtures/golden", import.meta.url))],
  ["WEIR_PORTABLE_GOLDEN", process.env["WEIR_PORTABLE_GOLDEN"]],
  ["WEIR_REAL_GOLDEN", process.env["WEIR_REAL_GOLDEN"]],
] as const;

function optionsOf(golden: GoldenCase): DetectorOptions {
  const { hst, features } = golden;
  const limits = new Map<number, readonly [number, number]>();
  for (const [name, box] of Object.entries(hst.limits ?? {}))
    limits.set(features.indexOf(name), box);
  const scaler = { StandardScaler: 1, MinMaxScaler: 2 } as const;
  return {
    features: features.length,
    trees: hst.n_trees,
    height: hst.height,
    window: hst.window_size,
    seed: BigInt(hst.seed),
    scaler: golden.scaler === null ? 0 : scaler[golden.scaler],
    order: featureOrder(features),
    limits,
  };
}

function rowsOf(root: string, golden: GoldenCase): RowInput[] {
  const x = readF64(root, golden.data);
  const columns = golden.features.length;
  const keys = golden.per_key === undefined ? undefined : readBytes(root, golden.per_key);
  return Array.from({ length: golden.rows }, (_, row) => ({
    key: keys === undefined ? "" : `key-${keys[row]}`,
    values: Array.from({ length: columns }, (__, column) =>
      lacks(golden.missing_rule, row, column, columns) ? Number.NaN : x[row * columns + column]!,
    ),
  }));
}

/** Raw scores of all rows, in batches cut at random. */
async function scoresOf(path: string, golden: GoldenCase, rows: RowInput[]): Promise<Float64Array> {
  const shard = await TestShard.make(path, 96 << 20);
  expect(shard.create(optionsOf(golden))).toBe(0);
  const random = mulberry(golden.rows);
  const scores = new Float64Array(rows.length);
  for (let first = 0; first < rows.length;) {
    const count = 1 + Math.floor(random() ** 3 * 700);
    const outputs = shard.step(rows.slice(first, first + count), first & 1);
    for (const [i, output] of outputs.entries()) scores[first + i] = output.raw;
    first += count;
  }
  expect(shard.kernel.verify()).toBe(0);
  return scores;
}

describe.each(roots)("River's scores, %s", (name, root) => {
  if (root === undefined || !existsSync(join(root, "river/manifest.json"))) {
    it.skip(`${name} is not set: point it to a golden folder to run these`, () => undefined);
    return;
  }
  describe.each(builds)("%s build", (_build, path) => {
    it.each(readCases(root).map((golden) => [golden.name, golden] as const))(
      "%s, bit for bit",
      async (_name, golden) => {
        const expected = readF64(root, golden.scores.file);
        const actual = await scoresOf(path, golden, rowsOf(root, golden));
        const differing = actual.reduce(
          (count, score, row) => count + (Object.is(score + 0, expected[row]! + 0) ? 0 : 1),
          0,
        );
        expect(differing).toBe(0);
      },
    );
  });
});
