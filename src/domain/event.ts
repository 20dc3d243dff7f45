/** How a request's rows meet the model; numbered as in the contract. */
export const Mode = { SCORE_AND_LEARN: 1, SCORE_ONLY: 2, LEARN_ONLY: 3, HEARTBEAT: 4 } as const;
export type Mode = (typeof Mode)[keyof typeof Mode];

/** One row by name, as a transport decoded it; nothing is validated yet. Absent = missing. */
export interface EventInput {
  readonly id: string;
  readonly key: string;
  /** Event time, Unix ms; 0 = arrival. */
  readonly timeUnixMs: number;
  /** By input name. NaN = missing. Own keys only, `__proto__` among them. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly categories: ReadonlyMap<string, string>;
  /** By position, instead of `numbers`: every numeric input in the detector's order. */
  readonly values: readonly number[];
  readonly systemAction: string;
}

/** Packed rows, as a transport decoded them: the fields of the contract's Frame. */
export interface FrameInput {
  readonly rows: number;
  /** float64 LE, row-major, rows x numeric inputs; NaN = missing. */
  readonly values: Uint8Array;
  readonly keys: readonly string[];
  /** uint32 LE into keys; empty when there is at most one. */
  readonly keyIndex: Uint8Array;
  /** int64 LE; empty = arrival. */
  readonly timesUnixMs: Uint8Array;
  readonly ids: readonly string[];
  /** 0 = unchecked. */
  readonly schema: number;
  readonly categories: readonly string[];
  /** uint32 LE, rows x category inputs; 0xffffffff = missing. */
  readonly categoryIndex: Uint8Array;
  readonly systemActions: readonly string[];
  /** uint32 LE; 0xffffffff = none. */
  readonly systemActionIndex: Uint8Array;
}

/** A scoring request in the shape that admission takes, whatever transport it came over. */
export interface ScoreRequest {
  readonly detector: string;
  readonly events: readonly EventInput[];
  readonly frame: FrameInput | undefined;
  /** The contract's number; 0 = SCORE_AND_LEARN. Unchecked. */
  readonly mode: number;
  /** 0 = the detector's. */
  readonly timeoutMs: number;
  readonly explain: boolean;
  /** Whether the verdicts carry the features. */
  readonly features?: boolean;
}

/** Whether rows of this mode may make keys and remember ids. */
export function learns(mode: Mode): boolean {
  return mode === Mode.SCORE_AND_LEARN || mode === Mode.LEARN_ONLY;
}
