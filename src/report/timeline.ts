/** Stretches of time that are told apart at most. */
const BUCKETS = 120;

/** What two said of the rows of one stretch of time. Means are NaN without scores. */
export interface TimelineBucket {
  readonly startUnixMs: number;
  readonly endUnixMs: number;
  readonly rows: number;
  readonly liveMean: number;
  readonly otherMean: number;
  readonly liveMax: number;
  readonly otherMax: number;
  readonly liveAnomalies: number;
  readonly otherAnomalies: number;
}

const Column = {
  rows: 0,
  liveScores: 1,
  liveSum: 2,
  liveMax: 3,
  liveAnomalies: 4,
  otherScores: 5,
  otherSum: 6,
  otherMax: 7,
  otherAnomalies: 8,
} as const;
const COLUMNS = 9;

/** Scores over time in at most 120 stretches of equal length, which doubles where time goes on beyond them: 9 kB for any number of rows. */
export class Timeline {
  private readonly sums = new Float64Array(BUCKETS * COLUMNS);
  private startMs = Number.NaN;
  private widthMs = 1;

  constructor() {
    empty(this.sums, 0);
  }

  /** A row's two verdicts; NaN = no score. A time before the first row's counts as the first's. */
  add(unixMs: number, live: Said, other: Said): void {
    if (Number.isNaN(this.startMs)) this.startMs = unixMs;
    while (unixMs >= this.startMs + BUCKETS * this.widthMs) this.double();
    const bucket = Math.max(0, Math.floor((unixMs - this.startMs) / this.widthMs));
    const at = bucket * COLUMNS;
    const { sums } = this;
    sums[at] = (sums[at] ?? 0) + 1;
    this.addSide(at + Column.liveScores, live);
    this.addSide(at + Column.otherScores, other);
  }

  /** In the order of time, up to the last that has rows. */
  buckets(): readonly TimelineBucket[] {
    const buckets = Array.from({ length: BUCKETS }, (_, i) => this.bucket(i));
    return buckets.slice(0, buckets.findLastIndex(({ rows }) => rows > 0) + 1);
  }

  private addSide(at: number, { score, anomaly }: Said): void {
    const { sums } = this;
    if (anomaly) sums[at + 3] = (sums[at + 3] ?? 0) + 1;
    if (Number.isNaN(score)) return;
    sums[at] = (sums[at] ?? 0) + 1;
    sums[at + 1] = (sums[at + 1] ?? 0) + score;
    if (score > (sums[at + 2] ?? 0)) sums[at + 2] = score;
  }

  private bucket(index: number): TimelineBucket {
    const value = (column: number): number => this.sums[index * COLUMNS + column] ?? 0;
    const max = (scores: number, column: number): number =>
      value(scores) === 0 ? Number.NaN : value(column);
    const startUnixMs = this.startMs + index * this.widthMs;
    return {
      startUnixMs,
      endUnixMs: startUnixMs + this.widthMs,
      rows: value(Column.rows),
      liveMean: value(Column.liveSum) / value(Column.liveScores),
      otherMean: value(Column.otherSum) / value(Column.otherScores),
      liveMax: max(Column.liveScores, Column.liveMax),
      otherMax: max(Column.otherScores, Column.otherMax),
      liveAnomalies: value(Column.liveAnomalies),
      otherAnomalies: value(Column.otherAnomalies),
    };
  }

  /** Two neighbours become one. */
  private double(): void {
    const { sums } = this;
    for (let bucket = 0; bucket < BUCKETS / 2; bucket++) {
      const [to, a, b] = [bucket * COLUMNS, bucket * 2 * COLUMNS, (bucket * 2 + 1) * COLUMNS];
      for (let column = 0; column < COLUMNS; column++) {
        const [x, y] = [sums[a + column] ?? 0, sums[b + column] ?? 0];
        sums[to + column] = isMax(column) ? Math.max(x, y) : x + y;
      }
    }
    empty(sums, (BUCKETS / 2) * COLUMNS);
    this.widthMs *= 2;
  }
}

const isMax = (column: number): boolean => column === Column.liveMax || column === Column.otherMax;

function empty(sums: Float64Array, from: number): void {
  for (let i = from; i < sums.length; i++) sums[i] = isMax(i % COLUMNS) ? -Infinity : 0;
}

/** Of one side, of one row. */
export interface Said {
  score: number;
  anomaly: boolean;
}
