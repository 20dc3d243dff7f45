import { normalFrom, seededRandom } from "../statistics.ts";
import { encode, streamRequest } from "./wire.ts";

/** The workload of every suite: 10 inputs, standard scaler, Half-Space Trees 10 x 8 x 250, seeded normal rows. */

export const inputs = 10;
export const frameRows = 256;
const inputNames = Array.from({ length: inputs }, (_, i) => `f${i}`);

/** A DetectorSpec, in the contract's names, camel case. */
export function detectorSpec(
  options: { readonly timeoutMs?: number; readonly keysMax?: number } = {},
): Record<string, unknown> {
  return {
    inputs: inputNames.map((name) => ({ name })),
    scaler: 2,
    halfSpaceTrees: { trees: 10, height: 8, window: 250 },
    alertShare: 0.01,
    ...options,
  };
}

/** Rows with their keys: every key comes once in each deck of `keys` rows, in a shuffled order. */
export interface Rows {
  readonly count: number;
  /** Row-major, `inputs` a row. */
  readonly values: Float64Array;
  readonly keys: readonly string[];
}

export function makeRows(count: number, keyCount: number, seed: number): Rows {
  const random = seededRandom(seed);
  const normal = normalFrom(random);
  const deck = Array.from({ length: keyCount }, (_, i) => `key-${String(i).padStart(6, "0")}`);
  const keys: string[] = [];
  while (keys.length < count) {
    for (let i = deck.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      const [a, b] = [deck[i] ?? "", deck[j] ?? ""];
      deck[i] = b;
      deck[j] = a;
    }
    keys.push(...deck);
  }
  return {
    count,
    values: Float64Array.from({ length: count * inputs }, normal),
    keys: keys.slice(0, count),
  };
}

/** Rows [from, from + frameRows) as a ScoreRequest with a packed frame. */
export function frameRequest(detector: string, rows: Rows, from: number, mode = 0): Buffer {
  const count = Math.min(frameRows, rows.count - from);
  const keys = new Map<string, number>();
  const keyIndex = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const key = rows.keys[from + i] ?? "";
    const index = keys.get(key) ?? keys.size;
    keys.set(key, index);
    keyIndex[i] = index;
  }
  const values = rows.values.subarray(from * inputs, (from + count) * inputs);
  return encode("ScoreRequest", {
    detector,
    mode,
    frame: {
      rows: count,
      values: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      keys: [...keys.keys()],
      keyIndex: new Uint8Array(keyIndex.buffer),
    },
  });
}

/** One row as an event by name, in the contract's names. */
export function namedEvent(rows: Rows, row: number): Record<string, unknown> {
  const numbers: Record<string, number> = {};
  for (const [i, name] of inputNames.entries()) numbers[name] = rows.values[row * inputs + i] ?? 0;
  return { key: rows.keys[row], numbers };
}

/** Rows [from, from + count) as a ScoreRequest with events by name. */
export function eventsRequest(
  detector: string,
  rows: Rows,
  range: { readonly from: number; readonly count: number },
): Buffer {
  const events = Array.from({ length: range.count }, (_, i) => namedEvent(rows, range.from + i));
  return encode("ScoreRequest", { detector, events });
}

/** What a lane sends, over and over: encoded before anything is measured. */
export interface Templates {
  readonly rowsPerRequest: number;
  readonly messages: readonly Buffer[];
}

/** Packed frames; the pool holds whole decks, so each pass over it gives every key the same number of rows. */
export function frameTemplates(detector: string, keyCount: number, seed = 1): Templates {
  const decks = keyCount >= 10_000 ? 8 : 64;
  const rows = makeRows(decks * keyCount, keyCount, seed);
  const messages: Buffer[] = [];
  for (let from = 0; from < rows.count; from += frameRows) {
    messages.push(streamRequest(frameRequest(detector, rows, from)));
  }
  return { rowsPerRequest: frameRows, messages };
}

/** One event a message by name, for a stream. */
export function eventTemplates(detector: string, keyCount: number): Templates {
  const messages = unaryTemplates(detector, keyCount).messages.map(streamRequest);
  return { rowsPerRequest: 1, messages };
}

/** One event a call by name. */
export function unaryTemplates(detector: string, keyCount: number): Templates {
  const rows = makeRows(8 * keyCount, keyCount, 2);
  const messages: Buffer[] = [];
  for (let row = 0; row < rows.count; row++) {
    messages.push(eventsRequest(detector, rows, { from: row, count: 1 }));
  }
  return { rowsPerRequest: 1, messages };
}

/** JSON bodies with one event each. */
export function httpTemplates(keyCount: number): Templates {
  const rows = makeRows(2 * keyCount, keyCount, 3);
  const messages: Buffer[] = [];
  for (let row = 0; row < rows.count; row++) {
    messages.push(Buffer.from(JSON.stringify({ events: [namedEvent(rows, row)] })));
  }
  return { rowsPerRequest: 1, messages };
}
