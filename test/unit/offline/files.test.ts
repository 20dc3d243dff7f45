import { existsSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { loadDetector } from "../../../src/offline/detector-file.ts";
import { formatOf, openWriter } from "../../../src/offline/formats.ts";
import { OutputFile } from "../../../src/offline/output-file.ts";
import { isoOf, type OutputColumn } from "../../../src/offline/output.ts";
import { planColumns } from "../../../src/offline/plan.ts";
import { OfflineRig, cardColumns } from "../../support/offline.ts";

const rig = new OfflineRig();
afterAll(() => rig.remove());

test("a time is written as a Date writes it", () => {
  fc.assert(
    fc.property(fc.integer({ min: -8.64e15, max: 8.64e15 }), (time) => {
      expect(isoOf(time)).toBe(new Date(time).toISOString());
    }),
  );
});

test("a format is told by the end of the name", () => {
  expect(["a.csv", "b.TSV", "c.jsonl", "d.parquet"].map(formatOf)).toEqual([
    "csv",
    "csv",
    "ndjson",
    "parquet",
  ]);
  expect(() => formatOf("events.xlsx")).toThrow("events.xlsx is none of .csv");
});

describe("an output file", () => {
  const columns: readonly OutputColumn[] = [
    { name: 'a "name", quoted', type: "text", nullable: true },
    { name: "t", type: "time", nullable: true },
    { name: "n", type: "number", nullable: true },
  ];
  const values = [
    ["x", undefined, 'y "z",\n'],
    Float64Array.of(0, Number.NaN, 1_690_000_000_123),
    Float64Array.of(0.1, Number.NaN, 1e21),
  ];

  test.each([
    [
      "csv",
      '"a ""name"", quoted",t,n\nx,1970-01-01T00:00:00.000Z,0.1\n,,\n"y ""z"",\n",2023-07-22T04:26:40.123Z,1e+21\n',
    ],
    [
      "ndjson",
      [
        { t: "1970-01-01T00:00:00.000Z", n: 0.1, a: "x" },
        { t: null, n: null, a: null },
        { t: "2023-07-22T04:26:40.123Z", n: 1e21, a: 'y "z",\n' },
      ]
        .map(({ a, t, n }) => `${JSON.stringify({ 'a "name", quoted': a, t, n })}\n`)
        .join(""),
    ],
  ] as const)("has its name when it is whole: %s", (format, expected) => {
    const path = rig.path(`out.${format}`);
    const file = new OutputFile(path, undefined);
    const writer = openWriter(format, file, columns, undefined);
    writer.write(values, 3);
    writer.finish();
    expect(existsSync(path)).toBe(false);
    file.finish();
    // Numbers are written as JSON writes them, but for 1e21.
    expect(readFileSync(path, "utf8")).toBe(expected.replace("1e21", "1e+21"));
  });
});

test("a Parquet file that is gone on with has the same bytes, row group by row group", () => {
  const columns: readonly OutputColumn[] = [
    { name: "k", type: "text", nullable: false },
    { name: "t", type: "time", nullable: false },
    { name: "n", type: "number", nullable: true },
  ];
  const rows = 70_000;
  const values = [
    Array.from({ length: rows }, (_, i) => `key ${i % 1000}`),
    Float64Array.from({ length: rows }, (_, i) => i * 1000),
    Float64Array.from({ length: rows }, (_, i) => (i % 9 === 0 ? Number.NaN : Math.sqrt(i))),
  ];
  const write = (path: string, stopAfter: number): Buffer => {
    let file = new OutputFile(path, undefined);
    let writer = openWriter("parquet", file, columns, undefined);
    for (let times = 1; times <= 5; times++) {
      writer.write(values, rows);
      if (times !== stopAfter) continue;
      const mark = file.mark();
      const state = structuredClone(writer.state());
      file.abandon(true);
      file = new OutputFile(path, mark);
      writer = openWriter("parquet", file, columns, state);
    }
    writer.finish();
    file.finish();
    return readFileSync(path);
  };
  // A group has 131,072 rows.
  const whole = write(rig.path("whole.parquet"), 0);
  for (const stopAfter of [1, 2, 4]) {
    expect(write(rig.path("resumed.parquet"), stopAfter).equals(whole)).toBe(true);
  }
});

describe("a detector's file", () => {
  const spec = `inputs:
  - name: amount
features:
  - { name: n, aggregate: count, window: { sliding: 1h } }
`;
  const path = rig.path("d.yaml");

  test("has one specification, or several by name", () => {
    writeFileSync(path, spec);
    expect(loadDetector(path, undefined).config.features).toHaveLength(1);
    const indented = spec.replaceAll(/^/gm, "    ");
    writeFileSync(path, `detectors:\n  cards:\n${indented}\n  wires:\n${indented}`);
    expect(loadDetector(path, "wires").name).toBe("wires");
    expect(() => loadDetector(path, undefined)).toThrow(
      "has 2 detectors: cards, wires; choose one with --name",
    );
    expect(() => loadDetector(path, "wire")).toThrow('did you mean "wires"?');
  });

  test("is told what is wrong with it by its own lines", () => {
    writeFileSync(path, spec.replace("count", "cuont"));
    expect(() => loadDetector(path, undefined)).toThrow(
      /d\.yaml:4:\d+: features\[0\]\.aggregate: .*\n {2}4 \| {3}- \{ name: n, aggregate: cuont/,
    );
    writeFileSync(path, "inputs:\n  - name: amount\n");
    expect(() => loadDetector(path, undefined)).toThrow("declares no features");
  });
});

describe("a plan", () => {
  writeFileSync(
    rig.path("plan.yaml"),
    "inputs: [{ name: amount }]\nfeatures: [{ name: n, aggregate: count }]\n",
  );
  const detector = loadDetector(rig.path("plan.yaml"), undefined);
  const reader = (types: readonly ("unknown" | undefined)[]) => ({
    types,
    names: ["crad", "time", "amount"],
    done: 0,
    next: () => Promise.resolve(undefined),
    position: () => ({ major: 0, minor: 0 }),
    close: () => undefined,
  });

  test("refuses a file without a column that is needed, and an output with two of a name", () => {
    const lacksKey = reader([undefined, "unknown", "unknown"]);
    expect(() => planColumns(cardColumns, detector, lacksKey)).toThrow(
      'no column "card" (the key; name it with --key-column); did you mean "crad"?',
    );
    const lacksInput = { ...reader(["unknown", "unknown", undefined]), names: ["card", "time"] };
    expect(() => planColumns(cardColumns, detector, lacksInput)).toThrow(
      'no column "amount" (an input that the detector requires); it has card, time',
    );
    const named = { ...cardColumns, eventTimestamp: "n" };
    const whole = reader(["unknown", "unknown", "unknown"]);
    expect(() => planColumns(named, detector, whole)).toThrow('two columns "n"');
  });
});
