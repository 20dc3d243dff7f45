import { State } from "../domain/verdict.ts";
import { Comparison } from "../report/compare.ts";
import type { Region } from "../shard/region.ts";

/** Rows that a version is judged by: the last ones that the live one was ready for. */
const JUDGED_MAX = 1000;
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
  /** By row: whether the shadow's model was past its burn-in; a ring. */
  private readonly ready = new Uint8Array(JUDGED_MAX);
  private judged = 0;
  private readyRows = 0;

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
    if (!isReady(liveState)) return;
    const at = this.judged % JUDGED_MAX;
    const is = isReady(otherState) ? 1 : 0;
    if (this.judged >= JUDGED_MAX) this.readyRows -= this.ready[at] ?? 0;
    this.ready[at] = is;
    this.readyRows += is;
    this.judged++;
  }

  /** Whether the shadow's model is past its burn-in where the live one's is: for 95 % of the last 1,000 such rows, of at least 100. */
  get isReady(): boolean {
    return this.judged >= JUDGED_MIN && this.readyRows >= READY_SHARE * this.judgedNow;
  }

  /** Rows that are judged now; 0 = the live one was not ready for any. */
  get judgedNow(): number {
    return Math.min(this.judged, JUDGED_MAX);
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
