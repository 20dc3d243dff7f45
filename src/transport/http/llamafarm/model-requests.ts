import { limits } from "../../../config/limits.ts";
import { formatPath, Problems } from "../../../config/problems.ts";
import { camelCase, readParameters } from "../../../config/window-spec.ts";
import { Encoder } from "../../../encode/encoder.ts";
import { pythonNumbers } from "../../../encode/python.ts";
import { encodings } from "../../../encode/state.ts";
import type { Encoding, Schema } from "../../../encode/state.ts";
import { cacheKey } from "../../../fitted/fitted-models.ts";
import type { FitRequest, FittedModel, ModelKey } from "../../../fitted/fitted-models.ts";
import {
  checkSize,
  inTurns,
  rowsOfObjects,
  tableOfLists,
  tableOfObjects,
} from "../../../fitted/table.ts";
import type { Table } from "../../../fitted/table.ts";
import { completeParameters, isKind, kinds, llamafarmParameters } from "../../../models/kinds.ts";
import type { Kind, Parameters } from "../../../models/kinds.ts";
import { isObject } from "../json.ts";
import { DetailError } from "./errors.ts";
import { bodyObject, BodyReader } from "./validate.ts";
import type { Row, Rows } from "./validate.ts";

/** What score and detect ask. */
export interface ScoreRequest extends ModelKey {
  readonly rows: Rows;
  /** Null = the model's. */
  readonly threshold: number | null;
  readonly explain: boolean;
}

const kindNames = Object.keys(kinds).filter(isKind);
const normalizations = ["standardization", "zscore", "raw", "calibrated"] as const;

/** A body as its fields, and what it takes to read it again. */
function open(body: unknown): BodyReader {
  return new BodyReader(bodyObject(body));
}

export function readKey(reader: BodyReader): ModelKey {
  return {
    name: reader.text("model", "default"),
    kind: reader.choice("backend", kindNames, "isolation_forest"),
    normalization: reader.choice("normalization", normalizations, "standardization"),
  };
}

/** POST fit. The rows are encoded by an encoder that is fitted on them. */
export async function readFit(body: unknown): Promise<FitRequest> {
  const reader = open(body);
  const key = readKey(reader);
  const rows = reader.rows("data");
  const contamination = reader.number("contamination", { initial: 0.1, above: 0, max: 0.5 });
  const common = {
    ...key,
    contamination,
    overwrite: reader.flag("overwrite", true),
    description: readDescription(reader),
    parameters: readHyperParameters(reader, key.kind, contamination),
  };
  const schema = readSchema(reader);
  reader.check();
  if (rows.kind === "lists") {
    const table = tableOfLists(rows.lists);
    const columns = Array.from({ length: table.columns }, (_, i) => `f${i}`);
    return { ...common, table, columns, encoder: null };
  }
  if (schema.size === 0) {
    throw new DetailError(
      400,
      "Schema is required when fitting with dict-based data. " +
        'Example: {"schema": {"amount": "numeric", "method": "label", "user_agent": "hash"}}',
    );
  }
  const { encoder, table } = await encodeForFit(rows.objects, schema, body);
  return { ...common, table, columns: encoder.columns, encoder: encoder.state() };
}

/** POST score and detect. */
export function readScore(body: unknown): ScoreRequest {
  const reader = open(body);
  const key = readKey(reader);
  const rows = reader.rows("data");
  const threshold = reader.optionalNumber("threshold");
  const explain = reader.flag("explain", false);
  // The model brings its own; a client sends it all the same.
  reader.optionalObject("schema");
  reader.check();
  return { ...key, rows, threshold, explain };
}

/** POST save. */
export function readSave(body: unknown): {
  readonly key: ModelKey;
  readonly description: string | null;
} {
  const reader = open(body);
  const key = readKey(reader);
  const description = readDescription(reader);
  reader.check();
  return { key, description };
}

/** POST load. */
export function readLoad(body: unknown): Pick<ModelKey, "name" | "kind"> {
  const reader = open(body);
  const name = reader.text("model");
  const kind = reader.choice("backend", kindNames, "isolation_forest");
  reader.check();
  return { name, kind };
}

/** The rows of a request as the model takes them. Objects match by name. */
export async function tableFor(fitted: FittedModel, rows: Rows, body: unknown): Promise<Table> {
  const { header, encoder } = fitted;
  if (rows.kind === "lists") {
    const table = tableOfLists(rows.lists);
    const columns = header.columns.length;
    if (table.columns === columns) return table;
    throw new DetailError(
      400,
      `X has ${table.columns} features, but ${header.kind} is expecting ${columns} features as input.`,
    );
  }
  if (encoder === undefined) {
    throw new DetailError(
      400,
      `No encoder found for model '${cacheKey(header)}'. ` +
        "It was fitted on lists of numbers: send lists, or fit it on objects with a schema.",
    );
  }
  checkSize(rows.objects.length, encoder.columns.length);
  const exact = exactly(rows.objects, encoder.state().features, body);
  return tableOfObjects(await rowsOfObjects(exact, encoder.features), encoder);
}

function readDescription(reader: BodyReader): string | null {
  const description = reader.optionalText("description");
  if (description !== null && description.length > limits.modelDescriptionCharsMax) {
    const max = limits.modelDescriptionCharsMax;
    reader.add(["description"], description, {
      type: "string_too_long",
      msg: `String should have at most ${max} characters`,
      ctx: { max_length: max },
    });
  }
  return description;
}

/** LlamaFarm's values, where `parameters` (which LlamaFarm does not know) gives no other. */
function readHyperParameters(reader: BodyReader, kind: Kind, contamination: number): Parameters {
  const epochs = reader.integer("epochs", { initial: 100, min: 1, max: 10_000 });
  const batch = reader.integer("batch_size", { initial: 32, min: 1, max: 65_536 });
  const given = reader.optionalObject("parameters") ?? {};
  const problems = new Problems(8);
  const read = readParameters(kind, given, ["parameters"], problems);
  for (const { path, message } of problems.list) {
    reader.add(path, given, { type: "value_error", msg: `${formatPath(path)}: ${message}` });
  }
  if (kind === "autoencoder" && batch < 2) {
    const msg = "Input should be greater than or equal to 2 for an autoencoder";
    reader.add(["batch_size"], batch, { type: "greater_than_equal", msg, ctx: { ge: 2 } });
  }
  const training = kind === "autoencoder" ? { epoch_num: epochs, batch_size: batch } : {};
  const own = kinds[kind].parameters.filter(({ name }) => isGiven(given, name));
  return completeParameters(kind, {
    ...llamafarmParameters(kind, contamination),
    ...training,
    ...Object.fromEntries(own.map(({ name, initial }) => [name, read[name] ?? initial])),
  });
}

function isGiven(given: Row, name: string): boolean {
  return [name, camelCase(name)].some((spelt) => (given[spelt] ?? null) !== null);
}

function readSchema(reader: BodyReader): Schema {
  const written = Object.entries(reader.optionalObject("schema") ?? {});
  if (written.length > limits.inputsMax) {
    throw new DetailError(
      413,
      `schema has ${written.length} fields, at most ${limits.inputsMax} are taken`,
    );
  }
  return new Map(
    written.flatMap(([name, value]) => {
      const encoding = readEncoding(reader, name, value);
      return encoding === undefined ? [] : [[name, encoding]];
    }),
  );
}

function readEncoding(reader: BodyReader, name: string, value: unknown): Encoding | undefined {
  const loc = ["schema", name];
  if (typeof value !== "string") {
    reader.add(loc, value, { type: "string_type", msg: "Input should be a valid string" });
    return undefined;
  }
  if (Buffer.byteLength(name) > limits.inputNameBytesMax) {
    throw new DetailError(
      400,
      `schema: a field's name has at most ${limits.inputNameBytesMax} bytes`,
    );
  }
  const found = encodings.find((encoding) => encoding === value);
  if (found !== undefined) return found;
  const available = encodings.map((encoding) => `'${encoding}'`).join(", ");
  throw new DetailError(
    400,
    `Unknown encoding type: ${value.slice(0, 64)}. Available: [${available}]`,
  );
}

async function encodeForFit(
  objects: readonly Row[],
  schema: Schema,
  body: unknown,
): Promise<{ readonly encoder: Encoder; readonly table: Table }> {
  checkSize(objects.length, schema.size);
  const encoder = Encoder.forFit(schema);
  const features = Array.from(schema, ([name, encoding]) => ({ name, encoding }));
  const rows = await rowsOfObjects(exactly(objects, features, body), encoder.features);
  await inTurns(rows, schema.size, (row) => encoder.learn(row));
  encoder.fix();
  return { encoder, table: await tableOfObjects(rows, encoder) };
}

/** JSON.parse as it is since ES2026: the reviver is shown the source of a primitive. Older lib types lack it. */
const parse: (text: string, reviver: typeof pythonNumbers) => unknown = JSON.parse;

/** A number whose text Python would write otherwise than JavaScript: 1.0, 1e5, or an integer with more digits than a double has. */
const unlikePython = /\.0+(?![0-9])|\d[eE][+-]?\d|(?<![.\d])\d{16}/;

/**
 * The same objects, with numbers that are still what was written, where an encoding makes a text of a number: 1.0 and 1 are two
 * categories. Reading them takes five times as long as JSON.parse alone, so they are only read again where there may be one.
 */
function exactly(
  objects: readonly Row[],
  features: readonly { readonly encoding: Encoding }[],
  body: unknown,
): readonly Row[] {
  const ofTexts = features.some(({ encoding }) => encoding !== "numeric" && encoding !== "binary");
  const text = ofTexts && Buffer.isBuffer(body) ? body.toString("utf8") : "";
  if (!unlikePython.test(text)) return objects;
  const whole = parse(text, pythonNumbers);
  const data = isObject(whole) ? whole["data"] : undefined;
  return Array.isArray(data) && data.every(isObject) ? data : objects;
}
