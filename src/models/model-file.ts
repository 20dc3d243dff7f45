/*
 * A trained model as a file, little-endian:
 *
 *   ┌ magic 8 B │ format u32 │ header bytes u32 │ model bytes u32 │ zero u32 │ header │ model │ SHA-256 of all before, 32 B ┐
 *
 * The header is JSON in UTF-8; the model is the kernel's block (assembly/model/model.ts). Nothing in a file is code. Whoever wrote it,
 * reading it ends with a file that was checked whole or with a ModelFileError; what the model's body holds is for the kernel to
 * check (ModelPool.check) before anything is scored with it.
 */
import { hash } from "node:crypto";
import { z } from "zod";
import { limits } from "../config/limits.ts";
import { formatPath, Problems } from "../config/problems.ts";
import { describeParameters, readParameters } from "../config/window-spec.ts";
import { encoderState } from "../encode/state.ts";
import type { EncoderState } from "../encode/state.ts";
import { isKind, kinds } from "./kinds.ts";
import type { Kind, Parameters } from "./kinds.ts";
import { normalizations } from "./module.ts";
import type { Normalization } from "./module.ts";
import { trainingScalers } from "./training.ts";
import type { TrainingScaler } from "./training.ts";

/** What is known of a model beside its bytes. */
export interface ModelHeader {
  readonly name: string;
  readonly kind: Kind;
  /** UTC, ISO 8601. */
  readonly created: string;
  /** The version of Weir that trained it. */
  readonly weir: string;
  /** Rows that it was trained on. */
  readonly rows: number;
  /** What its columns are called. */
  readonly columns: readonly string[];
  /** 0 < c <= 0.5 */
  readonly contamination: number;
  readonly scaler: TrainingScaler;
  readonly normalization: Normalization;
  /** Of normalized scores. */
  readonly threshold: number;
  readonly parameters: Parameters;
  readonly description: string | null;
  /** How rows of named values become columns; null = rows are numbers. */
  readonly encoder: EncoderState | null;
}

export interface ModelFile {
  readonly header: ModelHeader;
  readonly model: Uint8Array;
}

/** Bytes that are no model file: what is wrong, and where. */
export class ModelFileError extends Error {
  override readonly name = "ModelFileError";
  /** Byte in the file. */
  readonly offset: number;

  constructor(offset: number, what: string, cause?: unknown) {
    super(`at byte ${offset}: ${what}`, { cause });
    this.offset = offset;
  }
}

/** As in PNG: what mangles line ends or takes eight bits for seven shows here. */
const magic = Buffer.from([0x89, 0x57, 0x45, 0x49, 0x52, 0x0d, 0x0a, 0x1a]);
/** Raised when the layout or the header changes; others are refused. */
const FORMAT = 1;
/** Where the fields are. */
const At = { format: 8, headerBytes: 12, modelBytes: 16, zero: 20, header: 24 } as const;
const checksumBytes = 32;
/** Of the kernel's model: its header (assembly/model/model.ts). */
const Model = { kind: 12, columns: 16, headerBytes: 256 } as const;
/** A versioned name is longer by a date and a time. */
const nameCharsMax = limits.modelNameBytesMax + 32;

/** Bytes that have to be there before `readModelHeader` can tell how long the header is. */
export const modelFilePrefixBytes: number = At.header;

const headerSchema = z.strictObject({
  name: z.string().min(1).max(nameCharsMax),
  kind: z.string().refine(isKind, "expected a kind"),
  created: z.iso.datetime(),
  weir: z.string().max(64),
  rows: z.int().min(1),
  columns: z.array(z.string()).min(1).max(limits.modelColumnsMax),
  contamination: z.number().gt(0).max(0.5),
  scaler: z.enum(trainingScalers),
  normalization: z.enum(normalizations),
  threshold: z.number(),
  parameters: z.record(z.string(), z.unknown()),
  description: z.string().max(limits.modelDescriptionCharsMax).nullable(),
  encoder: encoderState.nullable(),
});

/** The whole file. Throws ModelFileError where `decodeModelFile` would not read it again. */
export function encodeModelFile({ header, model }: ModelFile): Buffer {
  const { kind, parameters } = header;
  const json = { ...header, parameters: describeParameters(kind, parameters) };
  const text = Buffer.from(JSON.stringify(json));
  if (text.length > limits.modelHeaderBytesMax || model.length > limits.modelBytesMax) {
    throw new ModelFileError(At.headerBytes, "the model is larger than a model file may be");
  }
  checkAgainst(parseHeader(text), viewOf(model), At.header + text.length);
  const bytes = Buffer.alloc(At.header + text.length + model.length + checksumBytes);
  magic.copy(bytes);
  bytes.writeUInt32LE(FORMAT, At.format);
  bytes.writeUInt32LE(text.length, At.headerBytes);
  bytes.writeUInt32LE(model.length, At.modelBytes);
  text.copy(bytes, At.header);
  bytes.set(model, At.header + text.length);
  const end = bytes.length - checksumBytes;
  hash("sha256", bytes.subarray(0, end), "buffer").copy(bytes, end);
  return bytes;
}

/** Checks everything but the model's body, which the kernel knows. The model is a view of `bytes`. Throws ModelFileError. */
export function decodeModelFile(bytes: Uint8Array): ModelFile {
  const file = viewOf(bytes);
  const { headerBytes, modelBytes } = readLengths(file);
  const end = At.header + headerBytes + modelBytes;
  if (file.length !== end + checksumBytes) {
    const expected = end + checksumBytes;
    throw new ModelFileError(
      Math.min(file.length, expected),
      `the file has ${file.length} bytes, expected ${expected} by its lengths`,
    );
  }
  const checksum = hash("sha256", file.subarray(0, end), "buffer");
  if (!checksum.equals(file.subarray(end))) {
    throw new ModelFileError(end, "the checksum does not fit: the file is damaged");
  }
  const header = parseHeader(file.subarray(At.header, At.header + headerBytes));
  const model = bytes.subarray(At.header + headerBytes, end);
  checkAgainst(header, file.subarray(At.header + headerBytes, end), At.header + headerBytes);
  return { header, model };
}

/** How long the header of a file is that begins with these bytes (`modelFilePrefixBytes` at least). Throws ModelFileError. */
export function modelHeaderBytes(prefix: Uint8Array): number {
  return readLengths(viewOf(prefix)).headerBytes;
}

/** The header alone, for listings: the checksum is not looked at. Throws ModelFileError. */
export function decodeModelHeader(header: Uint8Array): ModelHeader {
  return parseHeader(viewOf(header));
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readLengths(file: Buffer): { readonly headerBytes: number; readonly modelBytes: number } {
  if (file.length < At.header) {
    throw new ModelFileError(
      file.length,
      `the file ends here, expected ${At.header} bytes at least`,
    );
  }
  if (!file.subarray(0, magic.length).equals(magic)) {
    throw new ModelFileError(0, "this is no model file of Weir: it begins otherwise");
  }
  const format = file.readUInt32LE(At.format);
  if (format !== FORMAT) {
    throw new ModelFileError(At.format, `the file is in format ${format}, expected ${FORMAT}`);
  }
  const headerBytes = readLength(file, At.headerBytes, limits.modelHeaderBytesMax);
  const modelBytes = readLength(file, At.modelBytes, limits.modelBytesMax);
  if (file.readUInt32LE(At.zero) !== 0) throw new ModelFileError(At.zero, "expected four zeros");
  return { headerBytes, modelBytes };
}

function readLength(file: Buffer, at: number, max: number): number {
  const length = file.readUInt32LE(at);
  if (length >= 1 && length <= max) return length;
  const what = at === At.headerBytes ? "header" : "model";
  throw new ModelFileError(at, `the ${what} has ${length} bytes, expected 1 to ${max}`);
}

function parseHeader(bytes: Buffer): ModelHeader {
  const read = headerSchema.safeParse(parseJson(bytes));
  if (!read.success) {
    const [issue] = read.error.issues;
    const path = formatPath((issue?.path ?? []).map((step) => plain(step)));
    throw new ModelFileError(At.header, cut(`header.${path}: ${issue?.message ?? "is not valid"}`));
  }
  const { data } = read;
  const problems = new Problems(1);
  const parameters = readParameters(data.kind, data.parameters, ["parameters"], problems);
  const [problem] = problems.list;
  if (problem !== undefined) {
    throw new ModelFileError(
      At.header,
      cut(`header.${formatPath(problem.path)}: ${problem.message}`),
    );
  }
  return { ...data, parameters };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ModelFileError(At.header, "the header is not JSON in UTF-8", error);
  }
}

function plain(step: PropertyKey): string | number {
  return typeof step === "symbol" ? String(step) : step;
}

/** What strangers wrote is quoted in messages. */
function cut(message: string): string {
  return message.length > 300 ? `${message.slice(0, 300)}...` : message;
}

/** What header and model say twice. */
function checkAgainst(header: ModelHeader, model: Buffer, offset: number): void {
  const { kind, columns, encoder } = header;
  if (model.length < Model.headerBytes) {
    throw new ModelFileError(offset, `the model has ${model.length} bytes, too few for its header`);
  }
  if (model.readUInt32LE(Model.kind) !== kinds[kind].number) {
    throw new ModelFileError(offset + Model.kind, `the model is of another kind than ${kind}`);
  }
  const modelColumns = model.readUInt32LE(Model.columns);
  if (modelColumns !== columns.length) {
    throw new ModelFileError(
      offset + Model.columns,
      `the model has ${modelColumns} columns, expected ${columns.length} by the header`,
    );
  }
  if (encoder !== null && columnsOf(encoder) !== columns.length) {
    throw new ModelFileError(
      At.header,
      `header.encoder: makes ${columnsOf(encoder)} columns, expected ${columns.length}`,
    );
  }
}

/** Columns that an encoder makes; 0 while they are not settled. */
function columnsOf({ fixed, features }: EncoderState): number {
  if (!fixed) return 0;
  return features
    .map((each) => (each.encoding === "onehot" ? Math.max(1, each.values.length) : 1))
    .reduce((sum, width) => sum + width, 0);
}
