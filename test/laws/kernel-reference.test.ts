import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { builds, mulberry, normal, TestShard } from "../kernel.ts";
import { Reference } from "./reference.ts";
import type { ReferenceOptions } from "./reference.ts";

interface Stream {
  readonly options: ReferenceOptions;
  readonly gaps: number;
  readonly seed: number;
  readonly count: number;
}

const scalers = fc.constantFrom(0 as const, 1 as const, 2 as const);

const streams: fc.Arbitrary<Stream> = fc.record({
  options: fc.record({
    features: fc.integer({ min: 1, max: 6 }),
    trees: fc.integer({ min: 1, max: 12 }),
    height: fc.integer({ min: 1, max: 10 }),
    window: fc.integer({ min: 1, max: 120 }),
    seed: fc.bigInt(0n, (1n << 64n) - 1n),
    scaler: scalers,
  }),
  gaps: fc.constantFrom(0, 0.1, 0.6),
  seed: fc.nat(),
  count: fc.integer({ min: 1, max: 400 }),
});

function rowsOf({ options, gaps, seed, count }: Stream): number[][] {
  const random = mulberry(seed);
  return Array.from({ length: count }, () => {
    const row = Array.from({ length: options.features }, () =>
      random() < gaps ? Number.NaN : normal(random) * 0.4 + 0.5,
    );
    // River cannot draw trees for a first row without features.
    return row.every(Number.isNaN) ? row.map(() => random()) : row;
  });
}

async function compare(path: string, stream: Stream): Promise<void> {
  const shard = await TestShard.make(path, 96 << 20);
  expect(shard.create(stream.options)).toBe(0);
  const rows = rowsOf(stream);
  const reference = new Reference(stream.options);
  const expected = rows.map((values) => {
    const score = reference.score(values);
    reference.learn(values);
    return score;
  });
  const actual: number[] = [];
  while (actual.length < rows.length) {
    const batch = rows.slice(actual.length, actual.length + 8000);
    actual.push(...shard.step(batch.map((values) => ({ values }))).map((output) => output.raw));
  }
  expect(actual).toEqual(expected);
  expect(shard.kernel.verify()).toBe(0);
}

describe.each(builds)("scores beside a plain model, %s build", (_name, path) => {
  it("are the same for any shape, seed, scaler and gaps", async () => {
    await fc.assert(
      fc.asyncProperty(streams, (stream) => compare(path, stream)),
      { numRuns: 60 },
    );
  });

  it.each([
    ["the highest trees", { trees: 2, height: 16, window: 50 }, 300, 0.05],
    ["the longest window", { trees: 3, height: 4, window: 65_535 }, 140_000, 0],
    ["a long window over high trees", { trees: 2, height: 13, window: 6000 }, 14_000, 0],
    ["a log of 16-bit leaves with gaps", { trees: 4, height: 12, window: 900 }, 2500, 0.2],
    ["many trees", { trees: 200, height: 3, window: 100 }, 500, 0],
  ] as const)("are the same at %s", async (_case, shape, count, gaps) => {
    const options = { features: 2, seed: 7n, scaler: 1 as const, ...shape };
    await compare(path, { options, gaps, seed: count, count });
  });
});
