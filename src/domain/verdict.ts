/** Where a score came from; numbered as in the contract. */
export const Source = { MODEL: 1, RULES: 2, CACHED: 3, DEFAULT: 4 } as const;
export type Source = (typeof Source)[keyof typeof Source];

/** How far a key's model is; numbered as in the contract. */
export const State = { COLLECTING: 1, BURN_IN: 2, READY: 3, RETRAINING: 4 } as const;
export type State = (typeof State)[keyof typeof State];

const sources: readonly Source[] = Object.values(Source);
const states: readonly State[] = Object.values(State);

/** The source of this number; what is none counts as DEFAULT. */
export function sourceOf(number: number): Source {
  return sources[number - 1] ?? Source.DEFAULT;
}

/** The state of this number; what is none counts as COLLECTING. */
export function stateOf(number: number): State {
  return states[number - 1] ?? State.COLLECTING;
}

/** When a row came, by its detector's event time; numbered as in the contract. */
export const Timeliness = {
  ON_TIME: 0,
  LATE: 1,
  FUTURE: 2,
  LATE_REFUSED: 3,
  FUTURE_REFUSED: 4,
} as const;
export type Timeliness = (typeof Timeliness)[keyof typeof Timeliness];

/** What one input did to one score. */
export interface Reason {
  readonly feature: string;
  /** Share of the score, -1..1. */
  readonly contribution: number;
  readonly value: number;
  readonly expected: number;
  /** Of a windowed feature, in words; "" = none. */
  readonly text?: string;
}

/** Why a row got its score: baseline + the contributions = score. */
export interface Explanation {
  readonly baseline: number;
  /** Strongest first. */
  readonly reasons: readonly Reason[];
}

/**
 * The verdicts of one request, a column each, in the request's row order. Columns are written once by the scorer and then
 * only read; a transport encodes them as they are.
 */
export class Verdicts {
  readonly rows: number;
  /** NaN = absent (COLLECTING, learn-only). */
  readonly scores: Float64Array;
  readonly rawScores: Float64Array;
  readonly thresholds: Float64Array;
  readonly modelVersions: Uint32Array;
  /** Index into the detector's rules; -1 = no rule answered. */
  readonly rules: Int32Array;
  /** 0 or 1. */
  readonly anomalies: Uint8Array;
  readonly sources: Uint8Array;
  readonly states: Uint8Array;
  /** 0 or 1. */
  readonly replayed: Uint8Array;
  /** 0 or 1. */
  readonly systemActions: Uint8Array;
  /** 0 or 1: the row is in the journal on disk. */
  readonly durables: Uint8Array;
  /** Bits, rows x declared inputs, each row from a new byte; undefined = none took its default. */
  defaulted: Uint8Array | undefined;
  /** rows x features, row-major, in the order of the detector's specification; undefined = not asked for. NaN = the row has none. */
  features: Float64Array | undefined;
  /** Bits, rows x features, each row from a new byte; undefined = none took its default. */
  defaultedFeatures: Uint8Array | undefined;
  /** Timeliness numbers; undefined = all on time. */
  timeliness: Uint8Array | undefined;
  /** One a row, when asked for and there is a score. */
  explanations: (Explanation | undefined)[] | undefined;

  constructor(rows: number) {
    this.rows = rows;
    const bytes = new ArrayBuffer(rows * 38);
    this.scores = new Float64Array(bytes, 0, rows);
    this.rawScores = new Float64Array(bytes, rows * 8, rows);
    this.thresholds = new Float64Array(bytes, rows * 16, rows);
    this.modelVersions = new Uint32Array(bytes, rows * 24, rows);
    this.rules = new Int32Array(bytes, rows * 28, rows);
    this.anomalies = new Uint8Array(bytes, rows * 32, rows);
    this.sources = new Uint8Array(bytes, rows * 33, rows);
    this.states = new Uint8Array(bytes, rows * 34, rows);
    this.replayed = new Uint8Array(bytes, rows * 35, rows);
    this.systemActions = new Uint8Array(bytes, rows * 36, rows);
    this.durables = new Uint8Array(bytes, rows * 37, rows);
    this.defaulted = undefined;
    this.features = undefined;
    this.defaultedFeatures = undefined;
    this.timeliness = undefined;
    this.explanations = undefined;
  }
}

/** A row's features; undefined = not asked for, or the model did not see the row. */
export function featuresOf(
  { features }: Verdicts,
  count: number,
  row: number,
): Float64Array | undefined {
  const first = row * count;
  if (features === undefined || count === 0 || Number.isNaN(features[first])) return undefined;
  return features.subarray(first, first + count);
}
