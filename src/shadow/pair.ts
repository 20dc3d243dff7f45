import type { VerdictObserver } from "../admission/pending.ts";
import type { Region } from "../shard/region.ts";
import type { Tally } from "./tally.ts";

/** Of a row: who has spoken, whether it was an alert, and the state of its model. */
const LIVE = 1;
const OTHER = 2;
const ALERT = 4;
const STATE_SHIFT = 3;

/** The verdicts of one request's rows by the live detector and by its shadow, until both are there; then they are compared. */
export class Pair implements VerdictObserver {
  private readonly scores: Float64Array;
  private readonly bits: Uint8Array;
  private readonly tally: Tally;
  private readonly skip: (requestRow: number) => void;

  /** `skip` is told which rows the live one will not see. */
  constructor(rows: number, tally: Tally, skip: (requestRow: number) => void) {
    this.scores = new Float64Array(rows);
    this.bits = new Uint8Array(rows);
    this.tally = tally;
    this.skip = skip;
  }

  live(region: Region, at: number, requestRow: number): void {
    this.tally.sawLive(region);
    this.saw(LIVE, region, at, requestRow);
  }

  other(region: Region, at: number, requestRow: number): void {
    this.tally.sawOther(region);
    this.saw(OTHER, region, at, requestRow);
  }

  skipped(requestRow: number): void {
    this.skip(requestRow);
  }

  // oxlint-disable-next-line max-params -- whose, and where it is
  private saw(who: number, region: Region, at: number, requestRow: number): void {
    // A duplicate's verdict is that of another row.
    if (region.replayed(at) === 1) return;
    const score = region.score(at);
    const alert = region.anomaly(at) === 1;
    const state = region.state(at);
    const known = this.bits[requestRow] ?? 0;
    if (known === 0) {
      this.scores[requestRow] = score;
      this.bits[requestRow] = who | (alert ? ALERT : 0) | (state << STATE_SHIFT);
      return;
    }
    if ((known & who) !== 0) return;
    this.bits[requestRow] = known | who;
    const first = this.scores[requestRow] ?? Number.NaN;
    const firstAlert = (known & ALERT) !== 0;
    const firstState = known >>> STATE_SHIFT;
    const { comparison } = this.tally;
    if (who === OTHER) {
      comparison.add(first, firstAlert, score, alert);
      this.tally.judge(firstState, state);
    } else {
      comparison.add(score, alert, first, firstAlert);
      this.tally.judge(state, firstState);
    }
  }
}
