import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limits } from "../../../src/config/limits.ts";
import { Encoder, schemaOf } from "../../../src/encode/encoder.ts";
import type { Row } from "../../../src/encode/encoder.ts";
import { pythonNumbers, WholeFloat } from "../../../src/encode/python.ts";
import type { Cell } from "../../../src/encode/python.ts";
import { encoderState } from "../../../src/encode/state.ts";
import type { Encoding } from "../../../src/encode/state.ts";

// The expected numbers are Python's: hashlib, float(), sorted() and numpy.float32.

function encode(encoder: Encoder, row: Row): number[] {
  const out = new Float64Array(encoder.columns.length);
  encoder.encode(row, out);
  return [...out];
}

function fitted(encoding: Encoding, values: readonly Cell[]): Encoder {
  return Encoder.fit(
    new Map([["v", encoding]]),
    values.map((v) => ({ v })),
  );
}

/** What each of `asked` becomes after a fit on `values`. */
function encoded(encoding: Encoding, values: readonly Cell[], asked: readonly Cell[]): number[][] {
  const encoder = fitted(encoding, values);
  return asked.map((v) => encode(encoder, { v }));
}

describe("numeric", () => {
  it.each([
    [0.1, 0.10000000149011612],
    [1 / 3, 0.3333333432674408],
    [123_456_789, 123_456_792],
    [16_777_217, 16_777_216],
    [1e-46, 0],
    [new WholeFloat(3), 3],
    [10n ** 20n, 100_000_002_004_087_730_000],
    [true, 1],
    [false, 0],
    ["12.5", 12.5],
    [" 1.5\n", 1.5],
    ["1_000", 1000],
    ["1e5", 100_000],
    [".5", 0.5],
    ["5.", 5],
    ["+3", 3],
  ] satisfies [Cell, number][])("%s is %d", (value, expected) => {
    expect(encoded("numeric", [], [value])).toEqual([[expected]]);
  });

  it.each(["", "  ", "0x10", "1,5", "1 2", "1__0", "_1", "a", null, undefined])(
    "%s is no number: 0",
    (value) => {
      expect(encoded("numeric", [], [value])).toEqual([[0]]);
    },
  );

  it("keeps what is not finite out, and what float32 cannot hold within it", () => {
    const asked = ["nan", "inf", "1e400", Number.NaN, 1e39, -1e39];
    expect(encoded("numeric", [], asked).flat()).toEqual([
      0, 0, 0, 0, 3.4028234663852886e38, -3.4028234663852886e38,
    ]);
  });
});

describe("hash", () => {
  it.each([
    ["GET", 556_570],
    ["", 706_393],
    [true, 358_534],
    [false, 29_222],
    [1, 589_560],
    [new WholeFloat(1), 978_861],
    [0.1, 730_806],
    [new WholeFloat(1e16), 236_391],
    [1e-5, 989_578],
    [new WholeFloat(1.5e300), 444_667],
    [new WholeFloat(-0), 131_078],
    [10n ** 20n, 195_973],
    ["Mozilla/5.0", 820_693],
    ["žluťoučký", 213_015],
    [123_456_789.125, 978_466],
    [new WholeFloat(1e22), 643_893],
    [2 ** 53, 955_146],
    [null, 0],
    [undefined, 0],
  ] satisfies [Cell, number][])("%s is %d", (value, expected) => {
    expect(encoded("hash", [], [value])).toEqual([[expected]]);
  });
});

describe("label", () => {
  it("numbers distinct texts from 1 in the order of code points", () => {
    const values = ["b", "a", "c", "a", "\u{1F600}", "\uFFEE", "B", "10", "9", "", null];
    const asked = ["", "10", "9", "B", "a", "b", "c", "\uFFEE", "\u{1F600}", "d", null];
    expect(encoded("label", values, asked).flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0]);
  });

  it("keeps 1, 1.0, True and their texts apart as Python's str() does", () => {
    const values = [1, new WholeFloat(1), true, "1"];
    expect(encoded("label", values, [...values, "1.0", "True"]).flat()).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it("counts values beyond the bound as unseen", () => {
    const bound = limits.encodingValuesMax;
    const values = Array.from({ length: bound + 1 }, (_, i) => `v${String(i).padStart(9, "0")}`);
    const asked = [values[0], values[bound - 1], values[bound]];
    expect(encoded("label", values, asked).flat()).toEqual([1, bound, 0]);
  });

  it("keeps long texts apart that begin alike", () => {
    const values = ["x".repeat(5000), `${"x".repeat(4999)}y`];
    const encoder = fitted("label", values);
    const restored = Encoder.restore(encoderState.parse(encoder.state()));
    for (const each of [encoder, restored]) {
      const numbers = values.map((v) => encode(each, { v })[0]);
      expect(numbers.toSorted((a = 0, b = 0) => a - b)).toEqual([1, 2]);
    }
  });
});

describe("onehot", () => {
  it("has a column for each value, zeros for others", () => {
    const asked = ["a", "b", true, "c", null];
    expect(encoded("onehot", ["b", "a", true, "a"], asked)).toEqual([
      [0, 1, 0],
      [0, 0, 1],
      [1, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(fitted("onehot", ["b", "a", true, "a"]).columns).toEqual(["v=True", "v=a", "v=b"]);
  });

  it("has one column of zeros where there were no values", () => {
    expect(encoded("onehot", [null], ["a", null])).toEqual([[0], [0]]);
    expect(fitted("onehot", [null]).columns).toEqual(["v"]);
  });

  it("takes the first 100 values in their order", () => {
    const values = Array.from({ length: 150 }, (_, i) => `v${String(149 - i).padStart(3, "0")}`);
    const encoder = fitted("onehot", values);
    expect(encoder.columns).toHaveLength(100);
    expect(encoder.columns[99]).toBe("v=v099");
    expect(encode(encoder, { v: "v100" })).toEqual(Array.from({ length: 100 }, () => 0));
  });
});

describe("binary", () => {
  it.each(["true", "YES", "1", "On", "t", "y", " yes\n", true, 1, -0.5, new WholeFloat(2)])(
    "%s is 1",
    (value) => {
      expect(encoded("binary", [], [value])).toEqual([[1]]);
    },
  );
  it.each(["false", "no", "0", "", "off", "2", "yess", false, 0, new WholeFloat(0), null])(
    "%s is 0",
    (value) => {
      expect(encoded("binary", [], [value])).toEqual([[0]]);
    },
  );
});

describe("frequency", () => {
  it("is the share of rows that were not null, half the smallest share for others", () => {
    const values = ["a", "b", "a", null, "c", "a", "b"];
    expect(encoded("frequency", values, ["a", "b", "c", "d", null]).flat()).toEqual([
      0.5, 0.3333333432674408, 0.1666666716337204, 0.0833333358168602, 0.0833333358168602,
    ]);
  });

  it("is 0 where there was no value", () => {
    expect(encoded("frequency", [null], ["a"])).toEqual([[0]]);
  });
});

const schema = new Map<string, Encoding>([
  ["user", "frequency"],
  ["amount", "numeric"],
  ["method", "onehot"],
  ["agent", "label"],
  ["path", "hash"],
  ["safe", "binary"],
]);

const rows: readonly Row[] = [
  { user: "u1", amount: 1.5, method: "GET", agent: "x", path: "/", safe: "yes", other: 1 },
  { user: "u2", amount: "2.5", method: "PUT", agent: "y", path: "/a", safe: 0 },
  { user: "u1", method: "GET", agent: "x", safe: "yes" },
];

describe("a schema", () => {
  it("makes columns in the order of names, whatever the order of schema and rows", () => {
    const encoder = Encoder.fit(schema, rows);
    expect(encoder.features).toEqual(["agent", "amount", "method", "path", "safe", "user"]);
    expect(encoder.columns).toEqual([
      "agent",
      "amount",
      "method=GET",
      "method=PUT",
      "path",
      "safe",
      "user",
    ]);
    expect(encoder.fields[3]).toBe("method");
    const share = 0.6666666865348816;
    expect(encode(encoder, rows[0] ?? {})).toEqual([1, 1.5, 1, 0, 13_302, 1, share]);
  });

  it("takes no value from what a row inherits", () => {
    const encoder = Encoder.fit(new Map([["constructor", "hash"]]), [{}]);
    expect(encode(encoder, {})).toEqual([0]);
  });

  it("is told by the state", () => {
    expect(schemaOf(Encoder.fit(schema, rows).state())).toEqual(Object.fromEntries(schema));
  });
});

describe("on a stream", () => {
  it("numbers labels as they come, for good", () => {
    const encoder = Encoder.forStream(new Map([["v", "label"]]));
    encoder.fix();
    const numbers = ["z", "a", "z", null, "b"].map((v) => {
      const before = encode(encoder, { v })[0];
      encoder.learn({ v });
      return [before, encode(encoder, { v })[0]];
    });
    expect(numbers).toEqual([
      [0, 1],
      [0, 2],
      [1, 1],
      [0, 0],
      [0, 3],
    ]);
  });

  it("fixes onehot's columns, and shares run on", () => {
    const encoder = Encoder.forStream(
      new Map([
        ["a", "onehot"],
        ["b", "frequency"],
      ]),
    );
    encoder.learn({ a: "y", b: "p" });
    encoder.learn({ a: "x", b: "q" });
    expect(() => encode(encoder, {})).toThrow("not fixed");
    encoder.fix();
    for (let i = 0; i < 3; i++) encoder.learn({ a: "z", b: "q" });
    expect(encoder.columns).toEqual(["a=x", "a=y", "b"]);
    expect(encode(encoder, { a: "y", b: "q" })).toEqual([0, 1, Math.fround(4 / 5)]);
    expect(encode(encoder, { a: "z", b: "r" })).toEqual([0, 0, 0.125]);
  });

  it("takes a share anew when it is off by half, and finds the smallest again", () => {
    const encoder = Encoder.forStream(new Map([["v", "frequency"]]));
    for (const v of ["a", "a", "a", "b", "b", "b"]) encoder.learn({ v });
    encoder.fix();
    const restored = Encoder.restore(encoderState.parse(encoder.state()));
    for (const each of [encoder, restored]) {
      for (let i = 0; i < 5; i++) each.learn({ v: "b" });
      expect(encode(each, { v: "a" })).toEqual([0.5]);
      expect(encode(each, { v: "b" })).toEqual([0.5]); // 8 of 11
      for (let i = 0; i < 9; i++) each.learn({ v: "b" });
      expect(encode(each, { v: "b" })).toEqual([Math.fround(10 / 13)]);
    }
  });

  it("keeps missing numbers missing", () => {
    const encoder = Encoder.forStream(new Map([["v", "numeric"]]));
    encoder.fix();
    expect(encode(encoder, { v: null })).toEqual([Number.NaN]);
    expect(encode(encoder, { v: "n/a" })).toEqual([Number.NaN]);
  });

  it("bounds the characters of all values together", () => {
    const long = Math.floor(limits.encodingCharactersMax / 192);
    const encoder = Encoder.forStream(
      new Map([
        ["a", "frequency"],
        ["b", "label"],
        ["c", "label"],
        ["d", "label"],
      ]),
    );
    const text = (i: number): string => String(i).padStart(192, "x");
    for (let i = 0; i < long; i++)
      encoder.learn({ a: text(i), b: text(i), c: text(i), d: text(i) });
    encoder.fix();
    const values = encoder
      .state()
      .features.flatMap((feature) => ("values" in feature ? feature.values : []));
    expect(values).toHaveLength(long);
  });
});

describe("the state", () => {
  it.each([true, false])("goes through JSON and learns on alike (stream: %s)", (stream) => {
    const encoder = stream ? Encoder.forStream(schema) : Encoder.fit(schema, rows);
    if (stream) rows.forEach((row) => encoder.learn(row));
    encoder.fix();
    const text = JSON.stringify(encoder.state());
    const restored = Encoder.restore(encoderState.parse(JSON.parse(text)));
    const next = { user: "u3", amount: 9, method: "PUT", agent: "q", path: "/b", safe: "no" };
    for (const row of [...rows, next]) {
      expect(encode(restored, row)).toEqual(encode(encoder, row));
      encoder.learn(row);
      restored.learn(row);
    }
    expect(restored.state()).toEqual(encoder.state());
    expect(restored.columns).toEqual(encoder.columns);
  });

  it("is taken and restored at any moment of a stream, and nothing is encoded otherwise after it", () => {
    const value = fc.constantFrom("a", "b", "c", "d", null);
    fc.assert(
      fc.property(fc.array(value), fc.array(value), fc.array(value), (first, before, after) => {
        const encoder = Encoder.forStream(new Map([["v", "frequency"]]));
        for (const v of first) encoder.learn({ v });
        encoder.fix();
        for (const v of before) encoder.learn({ v });
        const text = JSON.stringify(encoder.state());
        const restored = Encoder.restore(encoderState.parse(JSON.parse(text)));
        for (const v of after) {
          for (const each of [encoder, restored]) each.learn({ v });
          for (const asked of ["a", "b", "c", "d", "e"]) {
            expect(encode(restored, { v: asked })).toEqual(encode(encoder, { v: asked }));
          }
        }
        expect(restored.state()).toEqual(encoder.state());
      }),
    );
  });

  it("has room for as many characters when it is restored", () => {
    const encoder = Encoder.forStream(
      new Map([
        ["a", "onehot"],
        ["b", "label"],
      ]),
    );
    const text = (i: number): string => String(i).padStart(192, "x");
    for (let i = 0; i < limits.encodingValuesMax; i++) encoder.learn({ a: text(i) });
    encoder.fix();
    const restored = Encoder.restore(encoder.state());
    for (let i = 0; i < 1500; i++)
      for (const each of [encoder, restored]) each.learn({ b: text(i) });
    expect(encode(encoder, { b: text(1499) }).at(-1)).toBe(1500);
    expect(restored.state()).toEqual(encoder.state());
  });

  it.each([
    ["twice the same value", [{ name: "v", encoding: "label", values: ["a", "a"] }]],
    [
      "a count too few",
      [{ name: "v", encoding: "frequency", values: ["a"], counts: [], total: 1 }],
    ],
    [
      "a total below the counts",
      [{ name: "v", encoding: "frequency", values: ["a"], counts: [2], total: 1 }],
    ],
    [
      "more onehot values than columns",
      [{ name: "v", encoding: "onehot", values: Array.from({ length: 101 }, (_, i) => `${i}`) }],
    ],
    [
      "twice the same field",
      [
        { name: "v", encoding: "hash" },
        { name: "v", encoding: "binary" },
      ],
    ],
    ["an unknown encoding", [{ name: "v", encoding: "embedding" }]],
    ["no field", []],
  ])("refuses %s", (_, features) => {
    expect(encoderState.safeParse({ stream: false, fixed: true, features }).success).toBe(false);
  });
});

describe("numbers of a JSON text", () => {
  it("keeps floats that are whole, and all digits", () => {
    const parse: (text: string, reviver: typeof pythonNumbers) => unknown = JSON.parse;
    const text = `[1, 1.0, 1e2, 1.5, -0, -0.0, 12345678901234567890, ${"9".repeat(50)}, "1.0"]`;
    expect(parse(text, pythonNumbers)).toEqual([
      1,
      new WholeFloat(1),
      new WholeFloat(100),
      1.5,
      -0,
      new WholeFloat(-0),
      12_345_678_901_234_567_890n,
      1e50,
      "1.0",
    ]);
  });
});
