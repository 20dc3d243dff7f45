import { limits } from "../config/limits.ts";
import { createFeature, restoreFeature } from "./feature.ts";
import type { FeatureEncoder } from "./feature.ts";
import { comparePythonTexts } from "./python.ts";
import type { Cell } from "./python.ts";
import type { EncoderState, Encoding, Schema } from "./state.ts";

/** A row by field names. */
export type Row = Readonly<Record<string, Cell>>;

/**
 * Rows of named values as rows of numbers, by a schema; the same numbers as LlamaFarm's encoder: float32, fields in the order of
 * their names.
 *
 * Fitted on all rows at once (`fit`), or learning as rows come (`forStream`): there a row is encoded before it is learned, so that
 * its own values are new to it. Columns are settled by `fix`, which onehot needs; labels and frequencies go on learning after it.
 * What is remembered is bounded: `limits.encodingValuesMax` values a field, `limits.encodingCharactersMax` characters in all, values
 * that come later count as unseen.
 */
export class Encoder {
  readonly #stream: boolean;
  readonly #features: ReadonlyMap<string, FeatureEncoder>;
  #fixed: boolean;
  #columns: readonly string[] = [];
  #fields: readonly string[] = [];

  private constructor(
    stream: boolean,
    features: ReadonlyMap<string, FeatureEncoder>,
    fixed: boolean,
  ) {
    this.#stream = stream;
    this.#features = features;
    this.#fixed = fixed;
    if (fixed) this.#nameColumns();
  }

  /** An encoder that has learned from all rows; its columns are fixed. */
  static fit(schema: Schema, rows: readonly Row[]): Encoder {
    const encoder = Encoder.forFit(schema);
    for (const row of rows) encoder.learn(row);
    encoder.fix();
    return encoder;
  }

  /** For a fit in slices: has learned nothing yet, is to learn all rows and then to be fixed. */
  static forFit(schema: Schema): Encoder {
    return new Encoder(false, featuresOf(schema, false), false);
  }

  /** For rows as they come: has learned nothing yet. */
  static forStream(schema: Schema): Encoder {
    return new Encoder(true, featuresOf(schema, true), false);
  }

  /** An encoder as it was when `state` was taken. */
  static restore(state: EncoderState): Encoder {
    const { stream, fixed } = state;
    const room = { characters: limits.encodingCharactersMax };
    const features = new Map(
      state.features.map((each) => [each.name, restoreFeature(each, { stream, fixed, room })]),
    );
    return new Encoder(stream, features, fixed);
  }

  /** The fields, in the order of their columns. */
  get features(): readonly string[] {
    return [...this.#features.keys()];
  }

  get fixed(): boolean {
    return this.#fixed;
  }

  /** Names of the columns once they are fixed: the field's, or `field=value` of onehot. */
  get columns(): readonly string[] {
    return this.#columns;
  }

  /** The field that each column came from. */
  get fields(): readonly string[] {
    return this.#fields;
  }

  /** Learns what a row's values are. Other fields than the schema's are not looked at. */
  learn(row: Row): void {
    for (const [name, feature] of this.#features) feature.learn(valueOf(row, name));
  }

  /** Settles the columns. */
  fix(): void {
    if (this.#fixed) return;
    for (const feature of this.#features.values()) feature.fix();
    this.#fixed = true;
    this.#nameColumns();
  }

  /** Writes `columns.length` numbers from `at` on. Numbers that are missing are 0 after a fit, NaN on a stream. */
  encode(row: Row, out: Float64Array, at = 0): void {
    if (!this.#fixed) throw new Error("the encoder's columns are not fixed");
    let column = at;
    for (const [name, feature] of this.#features) {
      feature.encode(valueOf(row, name), out, column);
      column += feature.width;
    }
  }

  state(): EncoderState {
    return {
      stream: this.#stream,
      fixed: this.#fixed,
      features: Array.from(this.#features.values(), (feature) => feature.state()),
    };
  }

  #nameColumns(): void {
    const columns: string[] = [];
    const fields: string[] = [];
    for (const [name, { values }] of this.#features) {
      for (const value of values ?? [undefined]) {
        columns.push(value === undefined ? name : `${name}=${value}`);
        fields.push(name);
      }
    }
    this.#columns = columns;
    this.#fields = fields;
  }
}

/** The encoding of each field. */
export function schemaOf(state: EncoderState): Readonly<Record<string, Encoding>> {
  return Object.fromEntries(state.features.map(({ name, encoding }) => [name, encoding]));
}

function featuresOf(schema: Schema, stream: boolean): ReadonlyMap<string, FeatureEncoder> {
  const room = { characters: limits.encodingCharactersMax };
  const sorted = [...schema].toSorted(([a], [b]) => comparePythonTexts(a, b));
  return new Map(
    sorted.map(([name, encoding]) => [name, createFeature({ name, encoding, stream, room })]),
  );
}

function valueOf(row: Row, name: string): Cell {
  return Object.hasOwn(row, name) ? row[name] : undefined;
}
