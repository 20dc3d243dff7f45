import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { createMemory } from "../../../src/shard/module.ts";
import { mulberry, normal } from "../../kernel.ts";
import { ModelBench } from "../../models.ts";
import { KernelPart } from "../../support/kernel-part.ts";

const kinds = ["ecod", "copod", "hbos", "loda"] as const;
let bench: ModelBench;
beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"], 64 << 20);
});

/** Windows that leave little to learn: constant, doubled, of few rows or one column, of huge and of tiny numbers. */
const value = fc.oneof(
  fc.constantFrom(0, 1, -1, 0.1, 1e100, -1e100, 1e-300, 5e-324, 1e16, 1 + 2 ** -52),
  fc.double({ noNaN: true, min: -1e100, max: 1e100 }),
  fc.double({ noNaN: true, min: -5, max: 5 }),
);
const windowOf = fc.integer({ min: 1, max: 4 }).chain((columns) =>
  fc.record({
    columns: fc.constant(columns),
    rows: fc.array(fc.array(value, { minLength: columns, maxLength: columns }), {
      minLength: 2,
      maxLength: 30,
    }),
    copies: fc.integer({ min: 1, max: 3 }),
    queries: fc.array(fc.array(value, { minLength: columns, maxLength: columns }), {
      minLength: 1,
      maxLength: 5,
    }),
    bins: fc.constantFrom("auto", 2, 10),
  }),
);

describe.each(kinds)("%s", (kind) => {
  test("scores and explains finitely after any window", () => {
    fc.assert(
      fc.property(windowOf, ({ columns, rows, copies, queries, bins }) => {
        const flat = Array.from({ length: copies }, () => rows.flat()).flat();
        const parameters = kind === "hbos" || kind === "loda" ? { n_bins: bins } : {};
        const model = bench.fit(kind, Float64Array.from(flat), columns, { parameters });
        expect(bench.trainingScores(rows.length * copies).own.every(Number.isFinite)).toBe(true);
        expect(bench.check(model)).toBe(0);
        for (const row of [...queries, ...rows.slice(0, 3)]) {
          const query = Float64Array.from(row);
          const { raws, scores } = bench.score(model, query, "calibrated");
          const raw = raws[0] ?? Number.NaN;
          expect(Number.isFinite(raw)).toBe(true);
          expect(scores[0]).toBeGreaterThanOrEqual(0);
          expect(scores[0]).toBeLessThanOrEqual(1);
          const { baseline, contributions } = bench.explain(model, query);
          const sum = contributions.reduce((total, each) => total + each, baseline);
          expect(Math.abs(sum - raw)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(raw)));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("scores a row the same alone and among others", () => {
    const random = mulberry(4);
    const rows = Float64Array.from({ length: 400 * 3 }, () => normal(random));
    const model = bench.fit(kind, rows, 3);
    const all = bench.score(model, rows).raws;
    for (let i = 0; i < 400; i += 13) {
      expect(bench.score(model, rows.slice(i * 3, i * 3 + 3)).raws[0]).toBe(all[i]);
    }
  });

  test("trains to the same bytes from the same rows and seed", () => {
    const random = mulberry(5);
    const rows = Float64Array.from({ length: 100 * 4 }, () => normal(random));
    const once = bench.fit(kind, rows, 4, { seed: 7n });
    expect(bench.fit(kind, rows, 4, { seed: 7n })).toEqual(once);
  });
});

const oddWords = [0, 1, 2, 3, 16, 64, 255, 1 << 16, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

/** Changes one to three words of a model's body, every other time among the first ones, which say where everything is. */
function tamper(words: Uint32Array, body: number, random: () => number): void {
  const span = random() < 0.5 ? Math.min(64, words.length - body) : words.length - body;
  for (let changes = 1 + Math.floor(random() * 3); changes > 0; changes--) {
    const at = body + Math.floor(random() * span);
    const draw = random();
    if (draw < 0.4) words[at] = oddWords[Math.floor(random() * oddWords.length)] ?? 0;
    else if (draw < 0.6) words[at] = Math.floor(random() * words.byteLength);
    else words[at] = (words[at] ?? 0) + Math.floor(random() * 33) - 16;
  }
}

describe("a body that was tampered with", () => {
  test("is refused, or is never read beyond its end", async () => {
    const memory = createMemory(4 << 20);
    const part = await KernelPart.make(
      `import { checkKind, explainKind, scoreKind } from "./model/kinds";
       import { modelAt } from "./model/model";
       export function check(model: u32): bool { return checkKind(modelAt(model)); }
       export function score(model: u32, row: u32): f64 { return scoreKind(modelAt(model), row); }
       export function explain(model: u32, row: u32, out: u32): f64 {
         return explainKind(modelAt(model), row, out);
       }`,
      memory,
    );
    const random = mulberry(6);
    const columns = 3;
    const out = 1 << 20;
    const row = out + 64;
    let refused = 0;
    let scored = 0;
    for (const kind of kinds) {
      const rows = Float64Array.from({ length: 40 * columns }, () => normal(random));
      const parameters = kind === "loda" ? { n_random_cuts: 5 } : {};
      const model = bench.fit(kind, rows, columns, { parameters });
      // Up against the memory's end: one byte further and the instance traps.
      const address = memory.buffer.byteLength - model.length;
      const words = new Uint32Array(memory.buffer, address, model.length / 4);
      for (let round = 0; round < 4000; round++) {
        new Uint8Array(memory.buffer, address).set(model);
        tamper(words, (words[6] ?? 0) / 4, random);
        for (let c = 0; c < columns; c++)
          new Float64Array(memory.buffer, row, columns)[c] = normal(random) * 4;
        if (part.call("check", address) === 0) {
          refused++;
          continue;
        }
        part.call("score", address, row);
        part.call("explain", address, row, out);
        scored++;
      }
    }
    expect(refused).toBeGreaterThan(1000);
    expect(scored).toBeGreaterThan(1000);
  });
});
