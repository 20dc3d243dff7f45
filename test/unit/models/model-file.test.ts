import { hash } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Encoder } from "../../../src/encode/encoder.ts";
import { completeParameters } from "../../../src/models/kinds.ts";
import {
  decodeModelFile,
  decodeModelHeader,
  encodeModelFile,
  ModelFileError,
  modelFilePrefixBytes,
  modelHeaderBytes,
} from "../../../src/models/model-file.ts";
import type { ModelHeader } from "../../../src/models/model-file.ts";
import { mulberry, normal } from "../../kernel.ts";
import { ModelBench } from "../../models.ts";

let bench: ModelBench;
let model: Uint8Array;
let file: Buffer;
const random = mulberry(3);
const rows = Float64Array.from({ length: 60 }, () => normal(random));

const header: ModelHeader = {
  name: "cards",
  kind: "ecod",
  created: "2026-01-02T03:04:05.678Z",
  weir: "0.1.0",
  rows: 30,
  columns: ["amount", "hour"],
  contamination: 0.1,
  scaler: "robust",
  normalization: "standardization",
  threshold: 0.75,
  parameters: {},
  description: "nights, žluťoučký",
  encoder: null,
};

beforeAll(async () => {
  bench = await ModelBench.make(process.env["WEIR_TEST_KERNEL"], 64 << 20);
  model = bench.fit("ecod", rows, 2);
  file = encodeModelFile({ header, model });
});

/** A file of these parts whose lengths and checksum are right, whatever the parts are. */
function assemble(json: string | Uint8Array, body: Uint8Array): Buffer {
  const text = Buffer.from(json);
  const prefix = Buffer.from(file.subarray(0, 24));
  prefix.writeUInt32LE(text.length, 12);
  prefix.writeUInt32LE(body.length, 16);
  const whole = Buffer.concat([prefix, text, body]);
  return Buffer.concat([whole, hash("sha256", whole, "buffer")]);
}

function refusal(bytes: Uint8Array): ModelFileError {
  try {
    decodeModelFile(bytes);
  } catch (error) {
    if (error instanceof ModelFileError) return error;
    throw error;
  }
  throw new Error("it was read");
}

/** The header's JSON with other fields. */
function changed(changes: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...header, parameters: {}, ...changes });
}

describe("a model file", () => {
  it("reads back what was written, the model bit for bit", () => {
    const read = decodeModelFile(file);
    expect(read.header).toEqual(header);
    expect(Buffer.from(read.model).equals(model)).toBe(true);
    expect(bench.check(Uint8Array.from(read.model))).toBe(0);
  });

  it("scores as the model that was written", () => {
    const read = decodeModelFile(file);
    expect(bench.score(Uint8Array.from(read.model), rows)).toEqual(bench.score(model, rows));
  });

  it("tells its header alone from its beginning", () => {
    const length = modelHeaderBytes(file.subarray(0, modelFilePrefixBytes));
    const bytes = file.subarray(modelFilePrefixBytes, modelFilePrefixBytes + length);
    expect(decodeModelHeader(bytes)).toEqual(header);
  });

  it("carries an encoder and every kind of parameter", () => {
    const encoder = Encoder.fit(
      new Map([
        ["amount", "numeric"],
        ["hour", "frequency"],
      ]),
      [{ amount: 1, hour: "a" }],
    );
    for (const kind of ["suod", "autoencoder", "one_class_svm", "isolation_forest"] as const) {
      const parameters = completeParameters(kind, {});
      const fake = Buffer.from(model);
      fake.writeUInt32LE(
        { suod: 12, autoencoder: 5, one_class_svm: 3, isolation_forest: 2 }[kind],
        12,
      );
      const written = { ...header, kind, parameters, encoder: encoder.state() };
      const read = decodeModelFile(encodeModelFile({ header: written, model: fake }));
      expect(read.header).toEqual(written);
    }
  });
});

describe("bytes that are no model file", () => {
  it.each([
    ["nothing", () => Buffer.alloc(0), 0, "ends here"],
    ["another file", () => Buffer.from("PK\u0003\u0004".padEnd(100, "x")), 0, "no model file"],
    ["another format", () => withUint32(8, 2), 8, "format 2, expected 1"],
    ["a header that is empty", () => withUint32(12, 0), 12, "0 bytes"],
    ["a header of 4 GiB", () => withUint32(12, 0xffff_ffff), 12, "4294967295 bytes"],
    ["a model of 4 GiB", () => withUint32(16, 0xffff_ffff), 16, "4294967295 bytes"],
    ["something where zeros are", () => withUint32(20, 1), 20, "zeros"],
    ["a header that is longer than the file", () => withUint32(12, 100_000), undefined, "lengths"],
  ] as const)("%s is told, and where", (_, make, offset, what) => {
    const error = refusal(make());
    expect(error.message).toContain(what);
    if (offset !== undefined) expect(error.offset).toBe(offset);
    expect(error.message).toContain(`at byte ${error.offset}`);
  });

  function withUint32(at: number, value: number): Buffer {
    const copy = Buffer.from(file);
    copy.writeUInt32LE(value, at);
    return copy;
  }

  it.each([
    ["a name that is empty", { name: "" }, "header.name"],
    ["a kind that is none", { kind: "constructor" }, "header.kind"],
    ["a field that is none", { code: "process.exit()" }, "code"],
    ["no columns", { columns: [] }, "header.columns"],
    ["too many columns", { columns: Array.from({ length: 1025 }, () => "x") }, "header.columns"],
    ["other columns than the model", { columns: ["a", "b", "c"] }, "2 columns, expected 3"],
    ["a threshold that is no number", { threshold: null }, "header.threshold"],
    ["a contamination that is too large", { contamination: 0.6 }, "header.contamination"],
    ["another kind than the model", { kind: "copod" }, "another kind than copod"],
    ["a parameter that is none", { parameters: { n: 1 } }, "header.parameters.n"],
    [
      "a parameter that is out of range",
      { kind: "knn", parameters: { nNeighbors: 1e9 } },
      "header.parameters.n_neighbors",
    ],
    [
      "an encoder that makes other columns",
      {
        encoder: { stream: false, fixed: true, features: [{ name: "a", encoding: "hash" }] },
      },
      "makes 1 columns, expected 2",
    ],
    [
      "an encoder that is not settled",
      {
        encoder: { stream: true, fixed: false, features: [{ name: "a", encoding: "hash" }] },
      },
      "makes 0 columns, expected 2",
    ],
    ["a time that is none", { created: "yesterday" }, "header.created"],
  ])("%s is refused by name", (_, changes, what) => {
    const error = refusal(assemble(changed(changes), model));
    expect(error.message).toContain(what);
    expect(error.message.length).toBeLessThan(400);
  });

  it.each([
    ["no JSON", "{"],
    ["no UTF-8", Buffer.from([0xff, 0xfe, 0x80])],
    ["nested a million deep", "[".repeat(1_000_000)],
    ["nested in a field", `{"parameters":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}`],
    ["a list", "[]"],
    ["its prototype", changed({}).replace("{", '{"__proto__":{"kind":"knn"},')],
  ])("a header that is %s is refused", (_, json) => {
    expect(refusal(assemble(json, model)).offset).toBe(24);
  });

  it("a model that is shorter than a model's header is refused", () => {
    expect(refusal(assemble(changed({}), model.subarray(0, 255))).message).toContain("too few");
  });
});

describe("whatever the bytes", () => {
  const tries = { numRuns: 500 };

  it("every truncation is refused", () => {
    for (let length = 0; length < file.length; length += length < 1000 ? 1 : 97) {
      expect(refusal(file.subarray(0, length)).offset).toBeLessThanOrEqual(length);
    }
  });

  it("every flipped bit is refused", () => {
    fc.assert(
      fc.property(fc.nat(file.length * 8 - 1), (bit) => {
        const copy = Buffer.from(file);
        copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(refusal(copy).message).not.toBe("");
      }),
      tries,
    );
  });

  it("bytes added at the end are refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (more) => {
        expect(refusal(Buffer.concat([file, more])).message).toContain("expected");
      }),
    );
  });

  it("random bytes, with and without a right beginning, are refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), fc.nat(24), (noise, kept) => {
        refusal(Buffer.concat([file.subarray(0, kept), noise]));
      }),
      tries,
    );
  });

  it("any JSON as a header is refused or read as what it says", () => {
    const field = fc.constantFrom(...Object.keys(header));
    fc.assert(
      fc.property(field, fc.jsonValue({ maxDepth: 4 }), (name, value) => {
        const bytes = assemble(changed({ [name]: value }), model);
        try {
          decodeModelFile(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ModelFileError);
        }
      }),
      tries,
    );
  });

  it("any bytes as a model are refused here or by the kernel, or are the model", () => {
    fc.assert(
      fc.property(fc.nat(model.length - 1), fc.nat(255), (at, value) => {
        const body = Uint8Array.from(model);
        body[at] = value;
        const bytes = assemble(changed({}), body);
        let read: Uint8Array;
        try {
          read = Uint8Array.from(decodeModelFile(bytes).model);
        } catch (error) {
          expect(error).toBeInstanceOf(ModelFileError);
          return;
        }
        expect(bench.check(read) === 0).toBe(value === model[at]);
      }),
      tries,
    );
  });
});
