import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parquetWriteFile } from "hyparquet-writer";
import { afterAll, describe, expect, test } from "vitest";
import { openReader, formatOf } from "../../../src/offline/formats.ts";
import { RowFault, type Block, type Position } from "../../../src/offline/rows.ts";
import { OfflineRig } from "../../support/offline.ts";

const rig = new OfflineRig();
afterAll(() => rig.remove());

interface Reading {
  readonly columns: readonly string[];
  readonly from?: Position;
  readonly rowsMax?: number;
  readonly delimiter?: string;
}

/** What `cell` makes of every row; a fault as its message with its place. */
async function read<T>(
  name: string,
  { columns, from, rowsMax = 1000, delimiter = "," }: Reading,
  cell: (block: Block, row: number) => T,
): Promise<(T | string)[]> {
  const path = rig.path(name);
  const reader = await openReader(formatOf(name), { path, columns, from, delimiter });
  const found: (T | string)[] = [];
  try {
    for (;;) {
      const block = await reader.next(rowsMax);
      if (block === undefined) return found;
      for (let row = 0; row < block.rows; row++) found.push(take(block, row, cell));
    }
  } finally {
    reader.close();
  }
}

function take<T>(block: Block, row: number, cell: (block: Block, row: number) => T): T | string {
  try {
    const fault = block.faults.get(row);
    if (fault !== undefined) throw fault;
    return cell(block, row);
  } catch (thrown) {
    if (thrown instanceof RowFault) return `${block.where(row)}: ${thrown.message}`;
    throw thrown;
  }
}

const texts = (columns: number) => (block: Block, row: number) =>
  Array.from({ length: columns }, (_, column) => block.text(row, column));

describe("CSV", () => {
  test("is read as RFC 4180 has it", async () => {
    const text =
      '\uFEFFa,"b ""x""",c\r\n1,two,3\r\n"x,y","line\nbreak","say ""hi"""\n\n,"",last without end';
    writeFileSync(rig.path("rfc.csv"), text);
    const rows = await read("rfc.csv", { columns: ["a", 'b "x"', "c"] }, texts(3));
    expect(rows).toEqual([
      ["1", "two", "3"],
      ["x,y", "line\nbreak", 'say "hi"'],
      [undefined, undefined, "last without end"],
    ]);
  });

  test("gives back any cells, whatever the columns and the size of blocks", async () => {
    const cell = fc.string({ unit: "binary", maxLength: 12 }).map((text) => text.toWellFormed());
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell, fc.constant("end")), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 5 }),
        async (rows, rowsMax) => {
          const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
          const lines = rows.map((row) => row.map(quoted).join(","));
          writeFileSync(rig.path("any.csv"), `a,b,c\n${lines.join("\n")}\n`);
          const found = await read("any.csv", { columns: ["c", "b", "a"], rowsMax }, texts(3));
          const expected = rows.map(([a, b, c]) => [c, b || undefined, a || undefined]);
          expect(found).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("says where it is wrong, and goes on", async () => {
    writeFileSync(
      rig.path("wrong.csv"),
      Buffer.concat([
        Buffer.from('a,b\n1,2\n1,2,3\n"x\ny",2\n"a"b,2\n'),
        Buffer.from([0xff, 0x2c, 0x31, 0x0a]),
        Buffer.from("ok,1\n"),
      ]),
    );
    const rows = await read("wrong.csv", { columns: ["a", "b"] }, texts(2));
    expect(rows).toEqual([
      ["1", "2"],
      "line 3: has 3 fields; expected 2, one a column of the header",
      ["x\ny", "2"],
      "line 6: field 1: text behind a closing quote; expected quotes inside quotes to be doubled",
      "line 7: column a: is not UTF-8",
      ["ok", "1"],
    ]);
    writeFileSync(rig.path("open.csv"), 'a,b\n1,2\n"never closed,2\n');
    await expect(read("open.csv", { columns: ["a"] }, texts(1))).rejects.toThrow(
      "line 3: a quote is never closed",
    );
  });

  test("needs names of columns, each once", async () => {
    writeFileSync(rig.path("empty.csv"), "");
    writeFileSync(rig.path("twice.csv"), "a,b,a\n");
    await expect(read("empty.csv", { columns: [] }, texts(0))).rejects.toThrow("is empty");
    await expect(read("twice.csv", { columns: [] }, texts(0))).rejects.toThrow("two columns a");
    await expect(read("none.csv", { columns: [] }, texts(0))).rejects.toThrow("no such file");
  });

  test("may have rows that are longer than what is read at once, and goes on at a position", async () => {
    const long = "x".repeat(5 << 20);
    writeFileSync(rig.path("long.csv"), `a\tb\n1\t${long}\n2\t"${long}"\n3\tend\n`);
    const options = { path: rig.path("long.csv"), columns: ["a", "b"], delimiter: "\t" };
    const reader = await openReader("csv", { ...options, from: undefined });
    await reader.next(1);
    const from = reader.position();
    reader.close();
    const rest = { columns: ["a", "b"], delimiter: "\t", from };
    const rows = await read("long.csv", rest, (block, row) => [
      block.where(row),
      block.number(row, 0),
      block.text(row, 1)?.length,
    ]);
    expect(rows).toEqual([
      ["line 3", 2, long.length],
      ["line 4", 3, 3],
    ]);
  });
});

describe("numbers of text", () => {
  test("are those that JavaScript reads", async () => {
    const written = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.tuple(fc.integer(), fc.nat(999_999)).map(([a, b]) => `${a}.${b}`),
      fc.constantFrom("0", "-0", "00012.50", ".5", "5.", "+7", "1e-7", "9007199254740993", " 3 "),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(written, { minLength: 1, maxLength: 50 }), async (numbers) => {
        writeFileSync(rig.path("numbers.csv"), `n,m\n${numbers.map((n) => `${n},1\n`).join("")}`);
        const found = await read("numbers.csv", { columns: ["n"] }, (block, row) =>
          block.number(row, 0),
        );
        expect(found).toEqual(numbers.map(Number));
      }),
      { numRuns: 60 },
    );
  });

  test("are nothing else", async () => {
    const wrong = ["1,5", "0x10", "abc", "1 2", "--1", "1e", "-", ".", "inf", "true"];
    writeFileSync(rig.path("none.csv"), `n\n${wrong.map((text) => `"${text}"\n`).join("")}`);
    const found = await read("none.csv", { columns: ["n"] }, (block, row) => block.number(row, 0));
    expect(found.map((each) => typeof each)).toEqual(wrong.map(() => "string"));
    expect(found[0]).toBe(
      'line 2: column n: "1,5" is no number; expected one as 12.5 or 1e-3, or nothing',
    );
  });
});

describe("times", () => {
  const known: readonly (readonly [string, number | undefined])[] = [
    ["1690000000000", 1_690_000_000_000],
    ["-1", -1],
    ["2023-07-22T04:26:40Z", 1_690_000_000_000],
    ["2023-07-22 04:26:40.1239", 1_690_000_000_123],
    ["2023-07-22T06:26:40+02:00", 1_690_000_000_000],
    ["2023-07-21T23:56:40.5-0430", 1_690_000_000_500],
    ["2023-07-22 04:26:40+00", 1_690_000_000_000],
    ["2023-07-22", 1_689_984_000_000],
    ["2024-02-29", 1_709_164_800_000],
    ["2023-02-29", undefined],
    ["2023-07-22T24:00:00Z", undefined],
    ["22.07.2023", undefined],
    ["1.5", undefined],
    ["99999999999999999", undefined],
  ];

  test.each(known)("%s", async (written, expected) => {
    writeFileSync(rig.path("time.csv"), `t,x\n${written},1\n`);
    writeFileSync(rig.path("time.ndjson"), `${JSON.stringify({ t: written })}\n`);
    for (const name of ["time.csv", "time.ndjson"]) {
      const [found] = await read(name, { columns: ["t"] }, (block, row) => block.timeMs(row, 0));
      if (expected === undefined) expect(found).toContain("is no time; expected whole Unix");
      else expect(found).toBe(expected);
    }
  });
});

describe("NDJSON", () => {
  test("takes numbers, texts, null and nothing, and says where it is wrong", async () => {
    const lines = [
      '{"k":"a","n":1.5,"t":1690000000000}',
      "",
      '{"k":7,"n":null}',
      '{"k":true,"__proto__":{"n":5}}',
      '{"k":["a"],"n":"1"}',
      "[1]",
      "{broken",
    ];
    writeFileSync(rig.path("some.ndjson"), lines.join("\n"));
    const columns = ["k", "n"];
    const keys = await read("some.ndjson", { columns }, (block, row) => block.text(row, 0));
    expect(keys).toEqual([
      "a",
      "7",
      "true",
      'line 5: column k: ["a"] is no text; expected one, a whole number, or null',
      "line 6: [1] is no JSON object",
      expect.stringContaining("line 7: is no JSON: "),
    ]);
    const numbers = await read("some.ndjson", { columns }, (block, row) => block.number(row, 1));
    expect(numbers.slice(0, 4)).toEqual([
      1.5,
      Number.NaN,
      Number.NaN,
      'line 5: column n: "1" is no number; expected one, or null',
    ]);
  });
});

describe("Parquet", () => {
  test("takes what its types say, group by group", async () => {
    const rows = 2500;
    const numbers = Array.from({ length: rows }, (_, i) => (i % 10 === 3 ? null : i / 7));
    parquetWriteFile({
      filename: rig.path("types.parquet"),
      codec: "GZIP",
      compressors: { GZIP: (bytes) => new Uint8Array(gzipSync(bytes)) },
      rowGroupSize: 1000,
      columnData: [
        { name: "k", data: numbers.map((_, i) => `key ${i}`), type: "STRING" },
        { name: "n", data: numbers, type: "DOUBLE", nullable: true },
        { name: "id", data: numbers.map((_, i) => 2n ** 53n + BigInt(i)), type: "INT64" },
        { name: "t", data: numbers.map((_, i) => new Date(i * 1000)), type: "TIMESTAMP" },
      ],
    });
    const columns = ["k", "n", "id", "t", "absent"];
    const cell = (block: Block, row: number): unknown[] => [
      block.where(row),
      block.text(row, 0),
      block.number(row, 1),
      block.text(row, 2),
      block.timeMs(row, 3),
      block.number(row, 4),
    ];
    const found = await read("types.parquet", { columns, rowsMax: 700 }, cell);
    expect(found).toHaveLength(rows);
    for (const row of [0, 3, 999, 1000, 2499]) {
      const number = numbers[row] ?? Number.NaN;
      const id = String(2n ** 53n + BigInt(row));
      const expected = [`row ${row + 1}`, `key ${row}`, number, id, row * 1000, Number.NaN];
      expect(found[row]).toEqual(expected);
    }
    const rest = await read("types.parquet", { columns, from: { major: 2, minor: 10 } }, cell);
    expect(rest).toEqual(found.slice(2010));
    const [, second] = await read("types.parquet", { columns }, (block, row) =>
      block.number(row, 2),
    );
    expect(second).toContain("row 2: column id: 9007199254740993 is no number that a float64");
  });

  test("is refused when it is none", async () => {
    writeFileSync(rig.path("no.parquet"), "PAR1 and then nothing of it");
    await expect(read("no.parquet", { columns: [] }, texts(0))).rejects.toThrow(
      "no.parquet is no Parquet file",
    );
  });
});
