/**
 * Histograms that cost a few nanoseconds an observation and lose nothing in either export.
 *
 * The buckets of a layout are cut at two sets of bounds at once: the base-2 exponential ones of OpenTelemetry at scale 3
 * (eight an octave, ratio 2^(1/8) = 1.0905) and a list of round ones for Prometheus. So the exponential export and the
 * explicit export are both exact sums of whole buckets, and a quantile from either agrees with the other.
 */

/** Eight buckets an octave: OpenTelemetry's scale 3. */
export const exponentialScale = 3;
const perOctave = 2 ** exponentialScale;

/**
 * A quantile read from a histogram is within this share of a value that has the same rank, for values inside the layout's
 * range: half a bucket, 2^(1/16) - 1.
 */
export const quantileErrorMax = 2 ** (1 / (2 * perOctave)) - 1;

/** The leading mantissa bits that pick a bucket: a slot of 1/128 octave holds at most a bound or two. */
const slotBits = 7;
const slotShift = 20 - slotBits;

const scratch = new ArrayBuffer(8);
const asFloat = new Float64Array(scratch);
/** [low, high] words: every platform that runs Node is little-endian. */
const asWords = new Uint32Array(scratch);

/** High 32 bits of a double's representation: sign, exponent and 20 bits of mantissa. */
function highWord(value: number): number {
  asFloat[0] = value;
  return asWords[1] ?? 0;
}

/** Where the buckets of a kind of histogram are cut. Made once, shared by all histograms of the kind. */
export class BucketLayout {
  /** Inclusive upper bounds, ascending; the last is Infinity. A bucket is (previous bound, bound]; the first takes all below. */
  readonly upper: Float64Array;
  /** OpenTelemetry's index of the exponential bucket that holds the bucket. */
  readonly exponentialIndex: Int32Array;
  /** The round bounds, ascending, without Infinity. */
  readonly explicitBounds: readonly number[];
  /** Index of the explicit bucket (the last is +Inf) that holds the bucket. */
  readonly explicitIndex: Uint16Array;
  /** First bucket that a value with these leading bits can be in. */
  readonly #slots: Uint16Array;
  readonly #firstSlot: number;
  readonly #lowest: number;

  /** Values from 2^minExponent to 2^maxExponent keep their precision; round bounds outside that range are refused. */
  constructor(options: {
    readonly minExponent: number;
    readonly maxExponent: number;
    readonly explicitBounds: readonly number[];
  }) {
    const { minExponent, maxExponent, explicitBounds } = options;
    const bounds = new Set<number>(explicitBounds);
    for (let i = minExponent * perOctave; i <= maxExponent * perOctave; i++) {
      bounds.add(2 ** (i / perOctave));
    }
    this.upper = Float64Array.from([...bounds, Infinity]).toSorted();
    this.explicitBounds = explicitBounds;
    this.#lowest = 2 ** minExponent;
    if (explicitBounds.some((b) => b < this.#lowest || b > 2 ** maxExponent)) {
      throw new RangeError("an explicit bound is outside the layout's range");
    }
    const lastIndex = maxExponent * perOctave;
    this.exponentialIndex = Int32Array.from(this.upper, (bound) =>
      Math.min(Math.ceil(Math.log2(bound) * perOctave - 1e-9) - 1, lastIndex),
    );
    this.explicitIndex = Uint16Array.from(this.upper, (bound) => {
      const index = explicitBounds.findIndex((b) => b >= bound);
      return index === -1 ? explicitBounds.length : index;
    });
    this.#firstSlot = highWord(this.#lowest) >>> slotShift;
    this.#slots = this.#slotTable(2 ** maxExponent);
  }

  get buckets(): number {
    return this.upper.length;
  }

  /** The bucket of a value. Negative values and NaN are in the first. */
  indexOf(value: number): number {
    if (!(value > this.#lowest)) return 0;
    asFloat[0] = value;
    const slot = ((asWords[1] ?? 0) >>> slotShift) - this.#firstSlot;
    let index = this.#slots[slot] ?? this.upper.length - 1;
    while (value > (this.upper[index] ?? Infinity)) index++;
    return index;
  }

  /** The value that stands for a bucket: its geometric middle, or its finite end for the outermost two. */
  middleOf(index: number): number {
    const high = this.upper[index] ?? Infinity;
    const low = this.upper[index - 1] ?? high;
    return high === Infinity ? low : Math.sqrt(low * high);
  }

  #slotTable(highest: number): Uint16Array {
    const slots = new Uint16Array((highWord(highest) >>> slotShift) - this.#firstSlot + 1);
    let index = 0;
    for (let slot = 0; slot < slots.length; slot++) {
      asWords[0] = 0;
      asWords[1] = (slot + this.#firstSlot) << slotShift;
      const start = asFloat[0] ?? 0;
      while (start > (this.upper[index] ?? Infinity)) index++;
      slots[slot] = index;
    }
    return slots;
  }
}

/** Counts by bucket with their sum, as they were at a moment. */
export interface Counts {
  readonly layout: BucketLayout;
  /** By bucket of the layout. */
  readonly counts: Float64Array;
  readonly count: number;
  readonly sum: number;
}

/** A cumulative histogram that remembers itself at the last few window starts, so that it also knows what is recent. */
export class Histogram implements Counts {
  readonly layout: BucketLayout;
  readonly counts: Float64Array;
  count = 0;
  sum = 0;
  /** Copies at the last window starts, oldest first; undefined = nothing had been recorded. */
  readonly #starts: (Counts | undefined)[];

  /** `windows` is how many windows `recent()` looks back, the running one included. */
  constructor(layout: BucketLayout, windows = 1) {
    this.layout = layout;
    this.counts = new Float64Array(layout.buckets);
    this.#starts = Array.from({ length: windows });
  }

  /** `times` observations of the same value, in the layout's unit. NaN is ignored; what is below the range counts as 0. */
  record(value: number, times: number): void {
    if (value !== value) return;
    const index = this.layout.indexOf(value);
    this.counts[index] = (this.counts[index] ?? 0) + times;
    this.count += times;
    if (value > 0) this.sum += value * times;
  }

  /** Adds another histogram of the same layout. */
  merge(other: Counts): void {
    addCounts(this.counts, other.counts, 1);
    this.count += other.count;
    this.sum += other.sum;
  }

  /** A new window starts; the oldest one is no longer recent. */
  rotate(): void {
    this.#starts.shift();
    this.#starts.push(this.count === 0 ? undefined : this.#copy());
  }

  /** What was recorded in the windows that are still recent. */
  recent(): Counts {
    const copy = this.#copy();
    const start = this.#starts[0];
    if (start === undefined) return copy;
    addCounts(copy.counts, start.counts, -1);
    return { ...copy, count: copy.count - start.count, sum: copy.sum - start.sum };
  }

  #copy(): Counts {
    const { layout, count, sum } = this;
    return { layout, counts: this.counts.slice(), count, sum };
  }
}

/** A cumulative count that remembers itself at the last few window starts. */
export class Counter {
  total = 0;
  readonly #starts: number[];

  constructor(windows = 1) {
    this.#starts = Array.from({ length: windows }, () => 0);
  }

  add(n: number): void {
    this.total += n;
  }

  rotate(): void {
    this.#starts.shift();
    this.#starts.push(this.total);
  }

  /** What was added in the windows that are still recent. */
  recent(): number {
    return this.total - (this.#starts[0] ?? 0);
  }
}

/** All of them as one; undefined when there are none. */
export function mergeCounts(parts: readonly Counts[]): Counts | undefined {
  const [first] = parts;
  if (first === undefined) return undefined;
  const all = new Histogram(first.layout);
  for (const part of parts) all.merge(part);
  return all;
}

/**
 * The value below which `share` (0..1) of the observations lie, within `quantileErrorMax` of one with that rank;
 * NaN when there are none.
 */
export function quantile(histogram: Counts, share: number): number {
  if (histogram.count <= 0) return Number.NaN;
  const rank = Math.max(1, Math.ceil(share * histogram.count));
  let seen = 0;
  for (let i = 0; i < histogram.counts.length; i++) {
    seen += histogram.counts[i] ?? 0;
    if (seen >= rank) return histogram.layout.middleOf(i);
  }
  return histogram.layout.middleOf(histogram.counts.length - 1);
}

function addCounts(into: Float64Array, from: Float64Array, sign: 1 | -1): void {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] ?? 0) + sign * (from[i] ?? 0);
}
