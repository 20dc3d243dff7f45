import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { createMemory } from "../../../src/shard/module.ts";
import { mulberry } from "../../kernel.ts";
import { KernelPart } from "../../support/kernel-part.ts";

const memory = createMemory(16 << 20);
const VALUES = 4 << 20;
const INDICES = 12 << 20;
let part: KernelPart;
beforeAll(async () => {
  part = await KernelPart.make(
    'export { heapSort, heapSortIndices, sortIndices, sortNumbers } from "./model/sort";',
    memory,
  );
});

/** Sorts a copy in the kernel, with a sentinel on either side. */
function sorted(values: readonly number[], by = "sortNumbers"): number[] {
  const view = new Float64Array(memory.buffer, VALUES - 8, values.length + 2);
  view.set([-Infinity, ...values, -Infinity]);
  part.call(by, VALUES, values.length);
  expect(view[0]).toBe(-Infinity);
  expect(view.at(-1)).toBe(-Infinity);
  return [...view.subarray(1, -1)];
}

function sortedIndices(values: readonly number[], by = "sortIndices"): number[] {
  new Float64Array(memory.buffer, VALUES, values.length).set(values);
  const view = new Uint32Array(memory.buffer, INDICES, values.length);
  view.set(values.map((_, i) => i));
  part.call(by, INDICES, values.length, VALUES);
  return [...view];
}

const numbers = fc.oneof(
  fc.array(
    fc.double({ noNaN: true }).map((x) => x + 0),
    { maxLength: 600 },
  ),
  fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 2000 }),
);

describe("sorting", () => {
  test.each(["sortNumbers", "heapSort"])("puts numbers in order: %s", (by) => {
    fc.assert(
      fc.property(numbers, (values) => {
        expect(sorted(values, by)).toEqual(values.toSorted((a, b) => (a < b ? -1 : Number(a > b))));
      }),
    );
  });

  test.each(["sortIndices", "heapSortIndices"])(
    "puts indices in order, equal ones by index: %s",
    (by) => {
      fc.assert(
        fc.property(numbers, (values) => {
          const order = [...values.keys()].toSorted((a, b) => {
            const x = values[a] ?? 0;
            const y = values[b] ?? 0;
            return x === y ? a - b : x < y ? -1 : 1;
          });
          expect(sortedIndices(values, by)).toEqual(order);
        }),
      );
    },
  );

  const count = 200_000;
  const random = mulberry(1);
  test.each([
    ["ascending", (i: number) => i],
    ["descending", (i: number) => -i],
    ["all alike", () => 1],
    ["two values", (i: number) => i % 2],
    ["organ pipe", (i: number) => Math.min(i, count - i)],
    ["saw", (i: number) => i % 1000],
    ["shuffled few", () => Math.floor(random() * 3)],
  ])("takes far less than quadratic time on %s numbers", (_name, value) => {
    const values = Array.from({ length: count }, (_, i) => value(i));
    const begin = performance.now();
    const numeric = sorted(values);
    const indices = sortedIndices(values);
    // Quadratic time would be minutes.
    expect(performance.now() - begin).toBeLessThan(5000);
    expect(numeric).toEqual(values.toSorted((a, b) => a - b));
    expect(indices.map((i) => values[i])).toEqual(numeric);
  });
});
