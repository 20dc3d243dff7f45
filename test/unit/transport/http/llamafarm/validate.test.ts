import { describe, expect, it } from "vitest";
import {
  BodyError,
  detailsOf,
  textOf,
} from "../../../../../src/transport/http/llamafarm/errors.ts";
import { BodyReader, bodyObject } from "../../../../../src/transport/http/llamafarm/validate.ts";

/** What a body is wrong with, as [path, type, message]. */
function problems(body: Record<string, unknown>, read: (reader: BodyReader) => unknown) {
  const reader = new BodyReader(body);
  read(reader);
  return reader.problems.map(({ loc, type, msg }) => [loc.join("."), type, msg]);
}

const integer = (reader: BodyReader) => reader.integer("n", { initial: 50, min: 10 });
const share = (reader: BodyReader) => reader.number("c", { initial: 0.1, above: 0, max: 0.5 });
const flag = (reader: BodyReader) => reader.flag("f", false);

function thrown(body: unknown): BodyError {
  try {
    bodyObject(body);
  } catch (error) {
    if (error instanceof BodyError) return error;
  }
  throw new Error("nothing was wrong");
}

describe("a field", () => {
  // Recorded from pydantic 2.12.
  it.each<[unknown, number]>([
    [20, 20],
    ["20", 20],
    [" 20 ", 20],
    ["20.0", 20],
    ["1_0", 10],
    [20.0, 20],
    [12, 12],
  ])("takes %j for an integer", (value, expected) => {
    const reader = new BodyReader({ n: value });
    expect(integer(reader)).toBe(expected);
    expect(reader.problems).toEqual([]);
  });

  it("takes true for 1, which may be too small", () => {
    expect(problems({ n: true }, integer)).toEqual([
      ["n", "greater_than_equal", "Input should be greater than or equal to 10"],
    ]);
  });

  it.each<[unknown, string, string]>([
    ["x", "int_parsing", "Input should be a valid integer, unable to parse string as an integer"],
    [
      20.5,
      "int_from_float",
      "Input should be a valid integer, got a number with a fractional part",
    ],
    [null, "int_type", "Input should be a valid integer"],
    [[], "int_type", "Input should be a valid integer"],
    [5, "greater_than_equal", "Input should be greater than or equal to 10"],
    [1e30, "int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size"],
  ])("refuses %j for an integer", (value, type, msg) => {
    expect(problems({ n: value }, integer)).toEqual([["n", type, msg]]);
  });

  it.each<[unknown, string, string]>([
    ["abc", "float_parsing", "Input should be a valid number, unable to parse string as a number"],
    [null, "float_type", "Input should be a valid number"],
    [0, "greater_than", "Input should be greater than 0"],
    [0.7, "less_than_equal", "Input should be less than or equal to 0.5"],
    ["nan", "finite_number", "Input should be a finite number"],
    [Infinity, "finite_number", "Input should be a finite number"],
  ])("refuses %j for a share", (value, type, msg) => {
    expect(problems({ c: value }, share)).toEqual([["c", type, msg]]);
  });

  it("takes a number in text", () => {
    const reader = new BodyReader({ c: "  0.2 " });
    expect(share(reader)).toBe(0.2);
    expect(reader.problems).toEqual([]);
  });

  it.each<[unknown, boolean]>([
    [true, true],
    ["YES", true],
    ["off", false],
    [1, true],
    [0, false],
  ])("takes %j for a flag", (value, expected) => {
    const reader = new BodyReader({ f: value });
    expect(flag(reader)).toBe(expected);
    expect(reader.problems).toEqual([]);
  });

  it.each<[unknown, string]>([
    ["maybe", "bool_parsing"],
    [2, "bool_parsing"],
    [null, "bool_type"],
    [[], "bool_type"],
  ])("refuses %j for a flag", (value, type) => {
    expect(problems({ f: value }, flag).map(([, each]) => each)).toEqual([type]);
  });

  it("names all words of a choice", () => {
    const read = (reader: BodyReader) => reader.choice("b", ["x", "y", "z"], "x");
    expect(problems({ b: "q" }, read)).toEqual([
      ["b", "literal_error", "Input should be 'x', 'y' or 'z'"],
    ]);
    expect(problems({ b: "X" }, read)).toHaveLength(1);
  });

  it("takes null for a list that may be null, and names elements that are wrong", () => {
    const read = (reader: BodyReader) => reader.integers("w");
    expect(problems({ w: null }, read)).toEqual([]);
    expect(problems({}, read)).toEqual([]);
    expect(problems({ w: [1, "a", 2.5, null] }, read).map(([at, type]) => [at, type])).toEqual([
      ["w.1", "int_parsing"],
      ["w.2", "int_from_float"],
      ["w.3", "int_type"],
    ]);
    expect(problems({ w: 3 }, read)).toEqual([["w", "list_type", "Input should be a valid list"]]);
  });

  it("ignores what nobody asks for", () => {
    expect(problems({ n: 20, other: {} }, integer)).toEqual([]);
  });
});

describe("rows", () => {
  it("are an object or a list of objects", () => {
    const read = (body: Record<string, unknown>) => new BodyReader(body).objects("data");
    expect(read({ data: { a: 1 } })).toEqual([{ a: 1 }]);
    expect(read({ data: [{ a: 1 }, {}] })).toEqual([{ a: 1 }, {}]);
    expect(read({ data: [] })).toEqual([]);
  });

  it("say both things that they could have been", () => {
    const read = (reader: BodyReader) => reader.objects("data");
    expect(problems({ data: 3 }, read)).toEqual([
      ["data.dict[str,any]", "dict_type", "Input should be a valid dictionary"],
      ["data.list[dict[str,any]]", "list_type", "Input should be a valid list"],
    ]);
    expect(problems({ data: [{ a: 1 }, 3] }, read)).toEqual([
      ["data.dict[str,any]", "dict_type", "Input should be a valid dictionary"],
      ["data.list[dict[str,any]].1", "dict_type", "Input should be a valid dictionary"],
    ]);
    expect(problems({}, read)).toEqual([["data", "missing", "Field required"]]);
  });

  it("of a fit are lists of numbers, where null is missing, or objects", () => {
    const read = (data: unknown) => new BodyReader({ data }).rows("data");
    expect(read([[1, "2", null]])).toEqual({ kind: "lists", lists: [[1, 2, Number.NaN]] });
    expect(read([{ a: 1 }])).toEqual({ kind: "objects", objects: [{ a: 1 }] });
    expect(problems({ data: [[1, "x"], 3] }, (reader) => reader.rows("data"))).toEqual([
      [
        "data.list[list[float]].0.1",
        "float_parsing",
        "Input should be a valid number, unable to parse string as a number",
      ],
      ["data.list[list[float]].1", "list_type", "Input should be a valid list"],
      ["data.list[dict[str,any]].0", "dict_type", "Input should be a valid dictionary"],
      ["data.list[dict[str,any]].1", "dict_type", "Input should be a valid dictionary"],
    ]);
  });
});

describe("a body", () => {
  it.each<[string, unknown, string]>([
    ["nothing", undefined, "missing"],
    ["no bytes", Buffer.from(""), "missing"],
    ["a list", Buffer.from("[]"), "dict_type"],
    ["null", Buffer.from("null"), "dict_type"],
    ["half an object", Buffer.from('{"a":'), "json_invalid"],
    ["NaN", Buffer.from('{"a": NaN}'), "json_invalid"],
    ["Infinity", Buffer.from('{"a": -Infinity}'), "json_invalid"],
    ["no UTF-8", Buffer.from([0x7b, 0xff]), "json_invalid"],
  ])("that is %s is refused", (_what, body, type) => {
    expect(thrown(body).problems.map((problem) => problem.type)).toEqual([type]);
  });

  it("keeps __proto__ a field like any other", () => {
    const body = bodyObject(Buffer.from('{"__proto__": {"n": 12}}'));
    expect(new BodyReader(body).integer("n", { initial: 50 })).toBe(50);
  });

  it("with a thousand mistakes is told of some", () => {
    const reader = new BodyReader({ w: Array.from({ length: 1000 }, () => "x") });
    reader.integers("w");
    expect(reader.problems.length).toBe(32);
  });
});

describe("mistakes", () => {
  const error = new BodyError([
    {
      type: "greater_than_equal",
      loc: ["min_samples"],
      msg: "Input should be greater than or equal to 10",
      input: 5,
      ctx: { ge: 10 },
    },
  ]);

  it("are a list with places in the body", () => {
    expect(detailsOf(error)).toEqual([
      {
        type: "greater_than_equal",
        loc: ["body", "min_samples"],
        msg: "Input should be greater than or equal to 10",
        input: 5,
        ctx: { ge: 10 },
      },
    ]);
  });

  it("are a text of several lines", () => {
    expect(textOf(error, "AnomalyStreamRequest")).toBe(
      "1 validation error for AnomalyStreamRequest\n" +
        "min_samples\n" +
        "  Input should be greater than or equal to 10 [type=greater_than_equal, input_value=5, input_type=int]",
    );
  });

  // Recorded from pydantic 2.12.
  it.each<[unknown, string]>([
    [{}, "input_value={}, input_type=dict"],
    [[{ a: 1 }, 3], "input_value=[{'a': 1}, 3], input_type=list"],
    ["x", "input_value='x', input_type=str"],
    [2.5, "input_value=2.5, input_type=float"],
    [null, "input_value=None, input_type=NoneType"],
    [true, "input_value=True, input_type=bool"],
    [
      { ["a".repeat(50)]: "b".repeat(60), zz: [1, 2, { q: null, t: true }] },
      "input_value={'aaaaaaaaaaaaaaaaaaaaaaa...{'q': None, 't': True}]}, input_type=dict",
    ],
  ])("show %j as Python does", (input, expected) => {
    const shown = new BodyError([{ type: "t", loc: ["f"], msg: "m", input }]);
    expect(textOf(shown, "M")).toContain(expected);
  });

  it("do not send a large body back", () => {
    const input = Array.from({ length: 100_000 }, (_, i) => ({ i }));
    const large = new BodyError([{ type: "t", loc: ["f"], msg: "m", input }]);
    expect(JSON.stringify(detailsOf(large)).length).toBeLessThan(2500);
    expect(textOf(large, "M").length).toBeLessThan(200);
  });
});
