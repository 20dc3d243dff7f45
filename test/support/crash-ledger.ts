/** What a client knows of a row that it sent. Ids are never used for two rows of a detector. */
export interface SentRow {
  readonly detector: string;
  readonly key: string;
  readonly id: string;
  readonly values: readonly number[];
  /** Its first verdict that was durable; undefined = it was not acknowledged. */
  acknowledged: Acknowledged | undefined;
  /** Durable verdicts that were no repetition of an earlier one. */
  fresh: number;
  /** Times that it was sent. */
  sent: number;
}

export interface Acknowledged {
  /** Of the score, as 16 hexadecimal digits; "" = there was none. */
  readonly score: string;
  /** Of the contract. */
  readonly source: number;
  /** CLOCK_MONOTONIC when it was received. */
  readonly timeNs: bigint;
}

/** The bits of a score: two are the same verdict's when these are. */
export function bitsOf(score: number | undefined): string {
  if (score === undefined || Number.isNaN(score)) return "";
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(score);
  return bytes.toString("hex");
}

/** Every row that was sent, and what was answered; over all lives of a server. All durable verdicts of an id are one. */
export class Ledger {
  readonly rows = new Map<string, SentRow>();
  /** Rows of detectors that are neither reset nor deleted: they may be sent again. */
  readonly again: SentRow[] = [];
  /** What no sound server answers. */
  readonly faults: string[] = [];
  acknowledgements = 0;
  /** Called at every acknowledgement, at once. */
  onAcknowledged: () => void = () => undefined;
  replays = 0;
  /** Verdicts that were not durable. */
  unsure = 0;
  #next = 1;

  make(detector: string, key: string, values: readonly number[]): SentRow {
    const id = `${this.#next++}`;
    const row: SentRow = { detector, key, id, values, acknowledged: undefined, fresh: 0, sent: 0 };
    this.rows.set(nameOf(detector, id), row);
    if (detector !== "temporary") this.again.push(row);
    return row;
  }

  /** A verdict came. */
  answered(
    row: SentRow,
    verdict: Omit<Acknowledged, "timeNs"> & {
      readonly replayed: boolean;
      readonly durable: boolean;
    },
  ): void {
    if (!verdict.durable) {
      this.unsure++;
      return;
    }
    this.acknowledgements++;
    if (verdict.replayed) this.replays++;
    const name = nameOf(row.detector, row.id);
    // The repetition may come before what it repeats: requests overtake each other.
    if (!verdict.replayed && ++row.fresh > 1) {
      this.faults.push(`${name} was acknowledged, and taken for new again`);
    }
    const { acknowledged } = row;
    if (acknowledged === undefined) {
      row.acknowledged = { ...verdict, timeNs: process.hrtime.bigint() };
      this.onAcknowledged();
      return;
    }
    if (verdict.score !== acknowledged.score || verdict.source !== acknowledged.source) {
      const [was, is] = [acknowledged, verdict].map(({ score, source }) => `${score} (${source})`);
      this.faults.push(`${name} was acknowledged with ${was}, then with ${is}`);
    }
  }
}

export function nameOf(detector: string, id: string): string {
  return `${detector}/${id}`;
}
