import { beforeAll, describe, expect, test } from "vitest";
import type { Kind } from "../../src/models/kinds.ts";
import { mulberry, normal } from "../kernel.ts";
import { kindNames, ModelBench } from "../models.ts";

/** Kinds that learn their own rows by heart to a part: over 60 windows 11.2 % above 0.5 for c = 0.1 and 2.6 % for c = 0.02. */
const learnsByHeart: ReadonlySet<Kind> = new Set<Kind>(["autoencoder"]);

const columns = 5;
const windows = 10;

let bench: ModelBench;
beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"]);
});

/** Centres of ordinary rows and their shares of them: cblof needs groups of unlike sizes, or cannot tell large from small ones. */
function centre(kind: Kind, random: () => number): number {
  if (kind !== "cblof") return 0;
  const draw = random();
  return draw < 0.6 ? 0 : draw < 0.95 ? 8 : 16;
}

function ordinaryRows(kind: Kind, random: () => number, count: number): Float64Array {
  const rows = new Float64Array(count * columns);
  for (let i = 0; i < count; i++) {
    const middle = centre(kind, random);
    for (let c = 0; c < columns; c++) rows[i * columns + c] = middle + normal(random);
  }
  return rows;
}

describe.each(kindNames)("calibrated scores of %s", (kind) => {
  // Over 60 windows it is 9.9 to 10.8 % and 1.9 to 2.4 % of other kinds (ecod, hbos, loda, isolation_forest, knn). The bounds leave
  // three standard deviations of the mean over ten windows of 1,000 rows (each sqrt(c (1 - c) / 1000)) with 2,000 fresh rows, and
  // a tenth of c above.
  test.each([
    { c: 0.1, low: 0.088, high: 0.122, byHeart: 0.14 },
    { c: 0.02, low: 0.015, high: 0.027, byHeart: 0.036 },
  ])("flag about $c of ordinary rows at threshold 0.5", ({ c, low, high, byHeart }) => {
    let flagged = 0;
    let fresh = 0;
    for (let seed = 1; seed <= windows; seed++) {
      const random = mulberry(seed);
      const model = bench.fit(kind, ordinaryRows(kind, random, 1000), columns, {
        contamination: c,
        seed: BigInt(seed),
      });
      const { scores } = bench.score(model, ordinaryRows(kind, random, 2000), "calibrated");
      flagged += scores.filter((score) => score > 0.5).length;
      fresh += scores.length;
    }
    expect(flagged / fresh).toBeGreaterThan(low);
    expect(flagged / fresh).toBeLessThan(learnsByHeart.has(kind) ? byHeart : high);
  });

  test("put a median row near 0.28, and a row far outside near 1", () => {
    const random = mulberry(99);
    const model = bench.fit(kind, ordinaryRows(kind, random, 1000), columns);
    const { scores } = bench.score(model, ordinaryRows(kind, random, 1000), "calibrated");
    expect(scores.toSorted()[500]).toBeGreaterThan(0.24);
    expect(scores.toSorted()[500]).toBeLessThan(0.32);
    const far = Float64Array.from({ length: columns }, () => -12);
    expect(bench.score(model, far, "calibrated").scores[0]).toBeGreaterThan(0.9);
  });
});
