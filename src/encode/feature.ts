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
  if (state.encoding === "frequency") return new Frequency(options, state, fixed);
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
  readonly #room: Room;
  #dictionary: Dictionary;
  #fixed: boolean;

  constructor(options: FeatureOptions, values: readonly string[] = [], fixed = false) {
    this.#name = options.name;
    this.#room = options.room;
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
    // As it is when it is restored.
    for (const text of sorted.slice(limits.onehotValuesMax)) this.#room.characters += text.length;
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

/** A share is shown anew when it is off by more than this factor. */
const shareFactor = 1.5;

/**
 * A value's share of the rows that were not null; null and unknown values have half the smallest share. Shares are those of the rows
 * there were when the columns were fixed. On a stream a value's share is then taken anew, when the value comes, once it is off by
 * half: were it to move with every row, a model would never meet the numbers that it was trained on.
 */
class Frequency implements FeatureEncoder {
  readonly width = 1;
  readonly values = undefined;
  readonly #name: string;
  readonly #dictionary: Dictionary;
  /** Shares by number of the dictionary's text. */
  #shares: number[] = [];
  #unknown = 0;
  #fixed = false;

  constructor(
    options: FeatureOptions,
    state: Omit<Extract<FeatureState, { encoding: "frequency" }>, "name" | "encoding"> = {
      values: [],
      counts: [],
      total: 0,
    },
    fixed = false,
  ) {
    this.#name = options.name;
    this.#dictionary = filled(options.room, state.values, state.counts);
    this.#dictionary.total = state.total;
    if (!fixed) return;
    this.fix();
    this.#shares = [...(state.shares ?? this.#shares)];
    this.#unknown = state.unknown ?? this.#unknown;
  }

  learn(value: Cell): void {
    if (isNull(value)) return;
    const text = pythonText(value);
    this.#dictionary.add(text);
    if (!this.#fixed) return;
    const number = this.#dictionary.find(text);
    if (number !== undefined) {
      this.#shares[number] = moved(this.#shares[number] ?? 0, this.#dictionary.shareOf(number));
    }
    this.#unknown = moved(this.#unknown, this.#dictionary.smallestShare / 2);
  }

  /** Whether what is shown is not what the counts say. */
  get #lags(): boolean {
    const { smallestShare } = this.#dictionary;
    return (
      this.#fixed &&
      (this.#unknown !== smallestShare / 2 ||
        this.#shares.some((shown, number) => shown !== this.#dictionary.shareOf(number)))
    );
  }

  fix(): void {
    this.#fixed = true;
    this.#shares = this.#dictionary.counts().map((_, number) => this.#dictionary.shareOf(number));
    this.#unknown = this.#dictionary.smallestShare / 2;
  }

  encode(value: Cell, out: Float64Array, at: number): void {
    const number = isNull(value) ? undefined : this.#dictionary.find(pythonText(value));
    out[at] = float32(
      number === undefined ? this.#unknown : (this.#shares[number] ?? this.#unknown),
    );
  }

  state(): FeatureState {
    const { total } = this.#dictionary;
    const [values, counts] = [this.#dictionary.texts(), this.#dictionary.counts()];
    const learned = { name: this.#name, encoding: "frequency" as const, values, counts, total };
    return this.#lags ? { ...learned, shares: [...this.#shares], unknown: this.#unknown } : learned;
  }
}

/** What is shown of a share from now on. */
function moved(shown: number, share: number): number {
  return share > shown * shareFactor || share * shareFactor < shown ? share : shown;
}

function filled(room: Room, values: readonly string[], counts?: readonly number[]): Dictionary {
  const dictionary = new Dictionary(room);
  for (const [i, value] of values.entries()) dictionary.add(value, counts?.[i]);
  return dictionary;
}

function isNull(value: Cell): value is null | undefined {
  return value === null || value === undefined;
}
