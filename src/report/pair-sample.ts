/**
 * A uniform sample of bounded size of pairs that come one after the other: Li's algorithm L (1994), which draws a random number for the pairs that it
 * takes and none for those that it passes over.
 */
export class PairSample {
  private readonly first: Float64Array;
  private readonly second: Float64Array;
  private seen = 0;
  private state: number;
  private weight: number;
  /** Number of the next pair that is taken once the sample is full. */
  private next: number;

  /** @param seed a whole number; the same seed and pairs give the same sample */
  constructor(max: number, seed: number) {
    this.first = new Float64Array(max);
    this.second = new Float64Array(max);
    this.state = seed | 0;
    this.weight = Math.exp(Math.log(this.random()) / max);
    this.next = max + this.gap();
  }

  get size(): number {
    return Math.min(this.seen, this.first.length);
  }

  add(a: number, b: number): void {
    const { first, seen } = this;
    this.seen = seen + 1;
    if (seen < first.length) {
      first[seen] = a;
      this.second[seen] = b;
    } else if (seen === this.next) {
      const at = Math.floor(this.random() * first.length);
      first[at] = a;
      this.second[at] = b;
      this.weight *= Math.exp(Math.log(this.random()) / first.length);
      this.next = seen + 1 + this.gap();
    }
  }

  /** Spearman's rho of the sample, ties with their mean rank; NaN below two pairs, or where one side is constant. */
  rankCorrelation(): number {
    const { size } = this;
    if (size < 2) return Number.NaN;
    return correlation(
      ranksOf(this.first.subarray(0, size)),
      ranksOf(this.second.subarray(0, size)),
    );
  }

  private gap(): number {
    return Math.floor(Math.log(this.random()) / Math.log1p(-this.weight));
  }

  /** In (0, 1): mulberry32. */
  private random(): number {
    this.state = (this.state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 4_294_967_296;
  }
}

/** Ranks from 1; equal values have the mean of theirs. */
function ranksOf(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values, (_, i) => i).toSorted(
    (a, b) => (values[a] ?? 0) - (values[b] ?? 0),
  );
  const ranks = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    const value = values[order[from] ?? 0];
    let to = from + 1;
    while (to < order.length && values[order[to] ?? 0] === value) to++;
    for (let i = from; i < to; i++) ranks[order[i] ?? 0] = (from + to + 1) / 2;
    from = to;
  }
  return ranks;
}

/** Pearson's, of ranks: their mean is known. */
function correlation(a: Float64Array, b: Float64Array): number {
  const mean = (a.length + 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const da = (a[i] ?? 0) - mean;
    const db = (b[i] ?? 0) - mean;
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return aa === 0 || bb === 0 ? Number.NaN : ab / Math.sqrt(aa * bb);
}
