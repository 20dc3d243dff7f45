import { hash } from "node:crypto";
import { limits } from "../config/limits.ts";
import { Dictionary } from "./dictionary.ts";
import type { Room } from "./dictionary.ts";
import { comparePythonTexts, meansYes, pythonFloat, pythonText } from "./python.ts";
import type { Cell } from "./python.ts";
import type { Encoding, FeatureState } from "./state.ts";

/** One field on its way to columns. */
export interface FeatureEncoder {
  /** Columns it fills; of onehot only when fixed. */
  readonly width: number;
  /** The value that each column stands for; undefined = the field has one column, whatever the value. */
  readonly values: readonly string[] | undefined;
  learn(value: Cell): void;
  /** Settles the columns. */
  fix(): void;
  /** Writes `width` numbers from `at` on, each a float32. */
  encode(value: Cell, out: Float64Array, at: number): void;
  state(): FeatureState;
}

export interface FeatureOptions {
  readonly name: string;
  readonly encoding: Encoding;
  /** Whether rows go on teaching it after its columns are fixed. */
  readonly stream: boolean;
  readonly room: Room;
}

export function createFeature(options: FeatureOptions): FeatureEncoder {
  const { encoding } = options;
  if (encoding === "label") return new Label(options);
  if (encoding === "onehot") return new OneHot(options);
  if (encoding === "frequency") return new Frequency(options);
  return new Stateless(options, encoding);
}

export function restoreFeature(
  state: FeatureState,
  {
    stream,
    fixed,
    room,
  }: { readonly stream: boolean; readonly fixed: boolean; readonly room: Room },
): FeatureEncoder {
  const options = { name: state.name, encoding: state.encoding, stream, room };
  if (state.encoding === "label") return new Label(options, state.values);
  if (state.encoding === "onehot") return new OneHot(options, state.values, fixed);
  if (state.encoding === "frequency") return new Frequency(options, state);
  return new Stateless(options, state.encoding);
}

const float32Max = 3.4028234663852886e38;

/** As a float32 that is finite: beyond its range the largest one. */
function float32(value: number): number {
  return Math.fround(Math.max(-float32Max, Math.min(float32Max, value)));
}

class Stateless implements FeatureEncoder {
  readonly width = 1;
  readonly values = undefined;
  readonly #name: string;
  readonly #encoding: "numeric" | "hash" | "binary";
  /** What a number that is missing becomes. LlamaFarm writes 0; rows of a stream keep it missing, for the model's median. */
  readonly #missing: number;

  constructor(options: FeatureOptions, encoding: "numeric" | "hash" | "binary") {
    this.#name = options.name;
    this.#encoding = encoding;
    this.#missing = options.stream ? Number.NaN : 0;
  }

  learn(): void {
    // There is nothing to learn.
  }

  fix(): void {
    // There is nothing to settle.
  }

  encode(value: Cell, out: Float64Array, at: number): void {
    out[at] = this.#encoded(value);
  }

  state(): FeatureState {
    return { name: this.#name, encoding: this.#encoding };
  }

  #encoded(value: Cell): number {
    if (this.#encoding === "numeric") {
      const number = pythonFloat(value);
      return number === undefined ? this.#missing : float32(number);
    }
    if (this.#encoding === "binary") return meansYes(value) ? 1 : 0;
    return isNull(value) ? 0 : hashed(pythonText(value));
  }
}

/** The first 32 bits of the MD5 digest, modulo a million. */
function hashed(text: string): number {
  return Number.parseInt(hash("md5", text).slice(0, 8), 16) % 1_000_000;
}

/** Values numbered from 1; 0 = null or not known. */
class Label implements FeatureEncoder {
  readonly width = 1;
  readonly values = undefined;
  readonly #options: FeatureOptions;
  #dictionary: Dictionary;

  constructor(options: FeatureOptions, values: readonly string[] = []) {
    this.#options = options;
    this.#dictionary = filled(options.room, values);
  }

  learn(value: Cell): void {
    if (!isNull(value)) this.#dictionary.add(pythonText(value));
  }

  /** LlamaFarm numbers the values of a fit in their order; rows of a stream number them as they come. */
  fix(): void {
    if (this.#options.stream) return;
    const sorted = this.#dictionary.texts().toSorted(comparePythonTexts);
    this.#dictionary = filled({ characters: Infinity }, sorted);
  }

  encode(value: Cell, out: Float64Array, at: number): void {
    const number = isNull(value) ? undefined : this.#dictionary.find(pythonText(value));
    out[at] = number === undefined ? 0 : number + 1;
  }

  state(): FeatureState {
    const { name } = this.#options;
    return { name, encoding: "label", values: this.#dictionary.texts() };
  }
}

/** A column for each of the first values (in their order) that were there when the columns were fixed. */
class OneHot implements FeatureEncoder {
  readonly #name: string;
  #dictionary: Dictionary;
  #fixed: boolean;

  constructor(options: FeatureOptions, values: readonly string[] = [], fixed = false) {
    this.#name = options.name;
    this.#dictionary = filled(options.room, values);
    this.#fixed = fixed;
  }

  get width(): number {
    return Math.max(1, this.#dictionary.size);
  }

  get values(): readonly string[] | undefined {
    return this.#dictionary.size === 0 ? undefined : this.#dictionary.texts();
  }

  learn(value: Cell): void {
    if (!this.#fixed && !isNull(value)) this.#dictionary.add(pythonText(value));
  }

  fix(): void {
    if (this.#fixed) return;
    this.#fixed = true;
    const sorted = this.#dictionary.texts().toSorted(comparePythonTexts);
    this.#dictionary = filled({ characters: Infinity }, sorted.slice(0, limits.onehotValuesMax));
  }

  encode(value: Cell, out: Float64Array, at: number): void {
    out.fill(0, at, at + this.width);
    const number = isNull(value) ? undefined : this.#dictionary.find(pythonText(value));
    if (number !== undefined) out[at + number] = 1;
  }

  state(): FeatureState {
    return { name: this.#name, encoding: "onehot", values: this.#dictionary.texts() };
  }
}

/** Counts by number of a dictionary's text, the smallest of them, and all rows. */
interface Shares {
  readonly counts: readonly number[];
  readonly smallest: number;
  readonly total: number;
}

/**
 * A value's share of the rows that were not null; null and unknown values have half the smallest share. Shares are those of the rows
 * there were when the columns were fixed, and are taken anew whenever a stream has doubled: were they to move with every row, a
 * model would never meet the numbers that it was trained on.
 */
class Frequency implements FeatureEncoder {
  readonly width = 1;
  readonly values = undefined;
  readonly #name: string;
  readonly #dictionary: Dictionary;
  #shown: Shares = { counts: [], smallest: 0, total: 0 };
  #fixed = false;

  constructor(
    options: FeatureOptions,
    state: Pick<Extract<FeatureState, { encoding: "frequency" }>, "values" | "counts" | "total"> = {
      values: [],
      counts: [],
      total: 0,
    },
  ) {
    this.#name = options.name;
    this.#dictionary = filled(options.room, state.values, state.counts);
    this.#dictionary.total = state.total;
    if (state.total > 0) this.fix();
  }

  learn(value: Cell): void {
    if (!isNull(value)) this.#dictionary.add(pythonText(value));
    if (this.#fixed && this.#dictionary.total >= 2 * this.#shown.total) this.#show();
  }

  fix(): void {
    this.#fixed = true;
    this.#show();
  }

  encode(value: Cell, out: Float64Array, at: number): void {
    const { counts, smallest, total } = this.#shown;
    const number = isNull(value) ? undefined : this.#dictionary.find(pythonText(value));
    const count = number === undefined ? 0 : (counts[number] ?? 0);
    out[at] = total === 0 ? 0 : float32((count === 0 ? smallest / 2 : count) / total);
  }

  state(): FeatureState {
    const { total } = this.#dictionary;
    const [values, counts] = [this.#dictionary.texts(), this.#dictionary.counts()];
    return { name: this.#name, encoding: "frequency", values, counts, total };
  }

  #show(): void {
    const { total, smallestCount } = this.#dictionary;
    this.#shown = { counts: this.#dictionary.counts(), smallest: smallestCount, total };
  }
}

function filled(room: Room, values: readonly string[], counts?: readonly number[]): Dictionary {
  const dictionary = new Dictionary(room);
  for (const [i, value] of values.entries()) dictionary.add(value, counts?.[i]);
  return dictionary;
}

function isNull(value: Cell): value is null | undefined {
  return value === null || value === undefined;
}
