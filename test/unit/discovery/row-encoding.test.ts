import { describe, expect, it } from "vitest";
import { makeDetector } from "../../../src/config/detector.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { CategoryEncoding, categoryText } from "../../../src/discovery/row-encoding.ts";

function encoding(kind: string, values: readonly string[]): CategoryEncoding {
  const inputs = [
    { name: "unseen", type: "category", missing: "model" },
    { name: "c", type: "category", encoding: kind, missing: "model" },
  ];
  const detector = makeDetector("d", 0, normalizeSpec({ inputs, ecod: {} }));
  return CategoryEncoding.of(
    detector,
    values.map((value) => new Map([["c", value]])),
  );
}

/** Of a row whose second category is `value`. */
const row = (value: string | undefined) => (column: number) => (column === 1 ? value : "other");

function encoded(by: CategoryEncoding, value: string | undefined): number[] {
  const out = new Float64Array(by.columns.length);
  by.encode(row(value), out, 0);
  return [...out];
}

describe("an encoding of a stream's categories", () => {
  it("goes on learning once it has started, and not before", () => {
    const by = encoding("frequency", ["a", "a", "b", "c"]);
    expect(encoded(by, "a")).toEqual([0.5]);
    by.learn(row("a"));
    expect(encoded(by, "a")).toEqual([0.5]);
    by.start();
    for (let i = 0; i < 4; i++) by.learn(row("b"));
    // Off by half and more: taken anew. Where nothing came a share stays.
    expect(encoded(by, "b")).toEqual([0.625]);
    expect(encoded(by, "a")).toEqual([0.5]);
  });

  it("numbers labels as they come, and keeps the numbers", () => {
    const by = encoding("label", ["b", "a"]);
    by.start();
    expect([encoded(by, "b"), encoded(by, "a"), encoded(by, "new")]).toEqual([[1], [2], [0]]);
    by.learn(row("new"));
    expect([encoded(by, "b"), encoded(by, "new"), encoded(by, undefined)]).toEqual([[1], [3], [0]]);
  });

  it("has a column for each value of the first rows, whatever comes later", () => {
    const by = encoding("onehot", ["b", "a", "b"]);
    by.start();
    by.learn(row("z"));
    expect(by.columns).toEqual(["c=a", "c=b"]);
    expect([encoded(by, "b"), encoded(by, "z")]).toEqual([
      [0, 1],
      [0, 0],
    ]);
  });
});

it.each<[unknown, string | undefined]>([
  ["x", "x"],
  [1, "1"],
  [0.5, "0.5"],
  [true, "True"],
  [false, "False"],
  [null, undefined],
  [undefined, undefined],
  [[1], undefined],
  [{}, undefined],
])("%j is the category %j", (value, text) => {
  expect(categoryText(value)).toBe(text);
});

it("takes numbers and booleans for yes and no where they are binary", () => {
  expect([5, 0, true, false].map((value) => categoryText(value, "binary"))).toEqual([
    "true",
    "false",
    "true",
    "false",
  ]);
});
