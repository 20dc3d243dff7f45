import type { DetectorRuntime } from "../admission/runtime.ts";
import { limits } from "../config/limits.ts";
import type { Detector } from "../domain/detector.ts";
import type { ShadowReport } from "../control/operations.ts";
import { KeyShare } from "./share.ts";
import type { SideRows } from "./side-rows.ts";
import { Tally } from "./tally.ts";

/** A detector that sees the rows of a live one, and how far it is. */
export class Shadow {
  /** What admission keeps of the shadow; another one after a promotion. */
  runtime: DetectorRuntime;
  /** The detector that it shadows; another one after a promotion. */
  live: Detector;
  /** Whether it is a version that is to take over: it has a share of the shards' time though live rows wait. */
  isVersion = false;
  /** Of keys that it answers. */
  share = 0;
  tally: Tally;
  /** Rows, and about their bytes, that wait for it. */
  rowsBehind = 0;
  bytesBehind = 0;
  /** What waits for it, by request. */
  readonly waiting = new Set<SideRows>();
  /** Of all its life: a counter. */
  shedTotal = 0;
  readonly madeUnixMs: number;
  private readonly keys: KeyShare;

  constructor(live: Detector, runtime: DetectorRuntime, nowUnixMs: number) {
    this.live = live;
    this.runtime = runtime;
    this.madeUnixMs = nowUnixMs;
    this.tally = new Tally(nowUnixMs);
    this.keys = new KeyShare(runtime.detector.name);
  }

  get detector(): Detector {
    return this.runtime.detector;
  }

  /** Whether rows more may wait. */
  hasRoom(rows: number, bytes: number): boolean {
    return (
      this.rowsBehind + rows <= limits.shadowRowsMax &&
      this.bytesBehind + bytes <= limits.shadowBytesMax
    );
  }

  /** What is told of it begins anew. */
  startOver(nowUnixMs: number): void {
    this.tally = new Tally(nowUnixMs);
  }

  shed(rows: number): void {
    this.tally.shed += rows;
    this.shedTotal += rows;
  }

  answers(key: string): boolean {
    return this.share > 0 && this.keys.of(key) < this.share;
  }

  report(): ShadowReport {
    const { tally } = this;
    const summary = tally.comparison.summary();
    const { rankCorrelation, stability } = summary;
    return {
      name: this.detector.name,
      shadowed: this.live.name,
      share: this.share,
      rows: summary.both,
      rowsShed: tally.shed,
      rowsBehind: this.rowsBehind,
      rankCorrelation: Number.isNaN(rankCorrelation) ? undefined : rankCorrelation,
      bothAlert: summary.anomaliesLive - summary.lost,
      onlyLiveAlerts: summary.lost,
      onlyShadowAlerts: summary.gained,
      populationStability: Number.isNaN(stability) ? undefined : stability,
      liveScores: summary.liveBins,
      shadowScores: summary.otherBins,
      liveRowUs: tally.liveRowUs,
      shadowRowUs: tally.shadowRowUs,
      answered: tally.answered,
      sinceUnixMs: tally.sinceUnixMs,
    };
  }
}
