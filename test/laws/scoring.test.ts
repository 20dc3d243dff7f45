import fc from "fast-check";
import { expect, test } from "vitest";
import { createDetector, event, frame, request, startCore, submit } from "../support/core.ts";

/** What a stream of rows must give, however it is cut, spread and sent: scores by row. */
interface Way {
  readonly shards: number;
  readonly threads: number;
  readonly inlineWorkMax: number;
  readonly form: "names" | "values" | "frame";
  /** Rows a request, cycled. */
  readonly cuts: readonly number[];
  /** Requests in flight before the next is sent. */
  readonly inFlight: number;
}

interface Row {
  readonly key: string;
  readonly a: number;
  readonly b: number;
}

const spec = {
  inputs: [{ name: "a" }, { name: "b", missing: "MISSING_MODEL" }],
  scaler: "standard",
  halfSpaceTrees: { trees: 5, height: 5, window: 15 },
  burnInEvents: 5,
  timeoutMs: 30_000,
};

async function scoresOf(rows: readonly Row[], way: Way): Promise<number[]> {
  const core = await startCore({ ...way, shardMemoryBytes: 64 * 1024 * 1024 });
  try {
    await createDetector(core, "d", spec);
    const scores: number[] = [];
    const waiting: Promise<void>[] = [];
    let at = 0;
    for (let i = 0; at < rows.length; i++) {
      const from = at;
      const part = rows.slice(at, (at += way.cuts[i % way.cuts.length]!));
      const sent = submit(core, formed(part, way.form)).then((verdicts) => {
        verdicts.rawScores.forEach((score, j) => (scores[from + j] = score));
        verdicts.thresholds.forEach((score, j) => (scores[rows.length + from + j] = score));
      });
      waiting.push(sent);
      if (waiting.length >= way.inFlight) await waiting.shift();
    }
    await Promise.all(waiting);
    return scores;
  } finally {
    await core.close();
  }
}

function formed(rows: readonly Row[], form: Way["form"]) {
  if (form === "frame") {
    return request({
      detector: "d",
      frame: frame(
        rows.map(({ a, b }) => [a, b]),
        rows.map(({ key }) => key),
      ),
    });
  }
  const events = rows.map(({ key, a, b }) =>
    form === "values"
      ? event({ key, values: [a, b] })
      : event({ key, numbers: Number.isNaN(b) ? { a } : { a, b } }),
  );
  return request({ detector: "d", events });
}

const row = fc.record({
  key: fc.constantFrom("", "a", "b", "c", "é", "😀"),
  a: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  b: fc.oneof(
    { weight: 4, arbitrary: fc.double({ min: -3, max: 3, noNaN: true }) },
    { weight: 1, arbitrary: fc.constant(Number.NaN) },
  ),
});

const way = fc.record({
  shards: fc.integer({ min: 1, max: 5 }),
  threads: fc.integer({ min: 1, max: 2 }),
  inlineWorkMax: fc.constantFrom(0, 8, 64),
  form: fc.constantFrom("names" as const, "values" as const, "frame" as const),
  cuts: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
  inFlight: fc.integer({ min: 1, max: 20 }),
});

test("shards, threads, batches and forms never change a score", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 50, maxLength: 300 }), way, async (rows, other) => {
      const one: Way = {
        shards: 1,
        threads: 1,
        inlineWorkMax: 64,
        form: "names",
        cuts: [1],
        inFlight: 1,
      };
      expect(await scoresOf(rows, other)).toEqual(await scoresOf(rows, one));
    }),
    { numRuns: 12 },
  );
}, 120_000);
