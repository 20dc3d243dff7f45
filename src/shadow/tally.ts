import { State } from "../domain/verdict.ts";
import { Comparison } from "../report/compare.ts";
import type { Region } from "../shard/region.ts";

/** Rows that a version is judged by: the last ones that the live one was ready for. */
const JUDGED_MAX = 200;
const JUDGED_MIN = 100;
const READY_SHARE = 0.95;

/** What became of the rows that a live detector and its shadow both saw. */
export class Tally {
  readonly sinceUnixMs: number;
  readonly comparison = new Comparison();
  /** Rows that the shadow did not see. */
  shed = 0;
  /** Rows that the shadow answered. */
  answered = 0;
  private readonly live = new RowTime();
  private readonly other = new RowTime();
  /** Rows that the live one was ready for, and the others. */
  private readonly readyRows = new Judged();
  private readonly otherRows = new Judged();

  constructor(sinceUnixMs: number) {
    this.sinceUnixMs = sinceUnixMs;
  }

  get liveRowUs(): number {
    return this.live.mean;
  }

  get shadowRowUs(): number {
    return this.other.mean;
  }

  sawLive({ rowUs }: Region): void {
    this.live.add(rowUs);
  }

  sawOther({ rowUs }: Region): void {
    this.other.add(rowUs);
  }

  /** The states of both models for one row. */
  judge(liveState: number, otherState: number): void {
    if (isReady(liveState)) this.readyRows.add(isReady(otherState));
    else this.otherRows.add(otherState >= liveState);
  }

  /**
   * Whether the shadow's model is as far as the live one's: for 95 % of the last 200 rows, of at least 100, for which the live one's was past its
   * burn-in the shadow's was, too. Where the live one's was past it for no row, the same of how far both were.
   */
  get isReady(): boolean {
    return this.readyRows.rows > 0 ? this.readyRows.isEnough : this.otherRows.isEnough;
  }
}

/** The last rows, and how many of them were as they should be. */
class Judged {
  rows = 0;
  private good = 0;
  private readonly ring = new Uint8Array(JUDGED_MAX);

  add(isGood: boolean): void {
    const at = this.rows % JUDGED_MAX;
    // Zero until the ring is full.
    this.good += (isGood ? 1 : 0) - (this.ring[at] ?? 0);
    this.ring[at] = isGood ? 1 : 0;
    this.rows++;
  }

  get isEnough(): boolean {
    if (this.rows < JUDGED_MIN) return false;
    return this.good >= READY_SHARE * Math.min(this.rows, JUDGED_MAX);
  }
}

function isReady(state: number): boolean {
  return state === State.READY || state === State.RETRAINING;
}

class RowTime {
  private rows = 0;
  private us = 0;

  add(us: number): void {
    this.rows++;
    this.us += us;
  }

  /** 0 = no row yet. */
  get mean(): number {
    return this.rows === 0 ? 0 : this.us / this.rows;
  }
}
