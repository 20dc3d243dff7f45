import type { Detector } from "../domain/detector.ts";
import { Source } from "../domain/verdict.ts";
import type { Answered, SlotSpec } from "../shard/journal.ts";
import { Op } from "../shard/layout.ts";
import type { ModelVerdict } from "../shard/packed-rows.ts";
import type { Region } from "../shard/region.ts";
import type { ReplayedBatch } from "../state/replay/run-types.ts";
import { Comparison } from "./compare.ts";
import type { ChangedAlert } from "./html-report.ts";
import { rowText, type RowText } from "./row-text.ts";
import { isOneCell, slotDetector } from "./slot-detector.ts";
import { sharedPairs } from "./shared-pairs.ts";
import { Timeline } from "./timeline.ts";

/** Alerts gained, and as many lost, that are kept to be shown. */
const ALERTS_MAX = 100;

/** Where a replay first says something else than the model did. */
export interface FirstDifference extends RowText {
  readonly position: number;
  readonly row: number;
  readonly timeUnixMs: number;
  /** What differs, with both values. */
  readonly what: string;
}

/** Rows that clients got a fallback's answer for. */
export interface FallbackCounts {
  readonly rows: number;
  /** Of them: by rules, by the cached score, by the default score. */
  readonly rules: number;
  readonly cached: number;
  readonly byDefault: number;
  /** Anomalies that the fallback saw and the replay does not, and the reverse. */
  readonly onlyFallback: number;
  readonly onlyReplay: number;
}

/** A row of the detector, as a writer of verdicts takes it; only valid until `row` returns. */
export interface ComparedRow {
  batch: ReplayedBatch;
  row: number;
  /** What came of the row in the replay. */
  region: Region;
  /** What the model said that answered the row, and what a fallback did in its place. */
  live: ModelVerdict | undefined;
  answered: Answered | undefined;
  /** That model's detector. */
  by: SlotSpec | undefined;
}

export interface ReplayComparisonOptions {
  /** Rows of this detector. */
  readonly detector: string;
  /** Ends after so many rows. */
  readonly rowsMax: number;
  /** Every row, before it is counted. */
  readonly row?: (row: ComparedRow, text: () => RowText) => void;
}

/** Compares what a replay says with what the model said live, row by row, in bounded memory. */
export class ReplayComparison {
  readonly comparison = new Comparison();
  readonly timeline = new Timeline();
  readonly gained: ChangedAlert[] = [];
  readonly lost: ChangedAlert[] = [];
  /** Of the detector. */
  rows = 0;
  /** Of them: those of which the journal does not say what the model answered. */
  withoutLive = 0;
  /** Of those that it says: in how many anything differs. */
  different = 0;
  first: FirstDifference | undefined;
  /** As it was with the newest row. */
  spec: SlotSpec | undefined;
  /** Names of other detectors whose rows came by. */
  readonly others = new Set<string>();
  private readonly fallbacks = {
    rows: 0,
    rules: 0,
    cached: 0,
    byDefault: 0,
    onlyFallback: 0,
    onlyReplay: 0,
  };
  private readonly detectors = new WeakMap<SlotSpec, Detector>();
  private readonly options: ReplayComparisonOptions;
  private readonly liveSaid = { score: Number.NaN, anomaly: false };
  private readonly otherSaid = { score: Number.NaN, anomaly: false };
  /** Of the newest row, and whether it is the detector. */
  private owner: SlotSpec | undefined;
  private isOwn = false;
  /** Of the newest batch in which that was asked. */
  private paired:
    | { readonly position: number; readonly pairs: ReadonlyMap<number, number> }
    | undefined;

  constructor(options: ReplayComparisonOptions) {
    this.options = options;
  }

  get fallback(): FallbackCounts {
    return { ...this.fallbacks };
  }

  /** False = it has all rows that it takes. */
  visit(batch: ReplayedBatch): boolean {
    const region = batch.other ?? batch.region;
    const { rowsMax } = this.options;
    for (let row = 0; row < batch.rows && this.rows < rowsMax; row++) {
      const op = batch.op(row);
      if (op < Op.SCORE_AND_LEARN || op > Op.LEARN_ONLY) continue;
      if (this.takes(batch, row)) this.add(batch, row, region);
    }
    return this.rows < rowsMax;
  }

  /** Of a row that two have, that of the one which answered counts; another detector has the live one's. */
  private takes(batch: ReplayedBatch, row: number): boolean {
    const owner = batch.owner(row);
    if (owner !== this.owner) {
      this.owner = owner;
      this.isOwn = this.owns(owner);
    }
    if (!batch.isShared(row)) return this.isOwn;
    const isReplayed = batch.other === undefined;
    if (!batch.isAside(row)) return this.isOwn && !isReplayed;
    return this.isOwn || (isReplayed && batch.asked(row) === this.options.detector);
  }

  /** The row of the batch that has what the client got; undefined = it is not in this batch. */
  private answering(batch: ReplayedBatch, row: number): number | undefined {
    if (batch.other === undefined || !batch.isShared(row) || batch.isAside(row)) return row;
    const { entry, region } = batch;
    if (this.paired?.position !== entry.position) {
      const pairs = sharedPairs({
        rows: batch.rows,
        isShared: (at) => batch.isShared(at),
        isAside: (at) => batch.isAside(at),
        asked: (at) => batch.asked(at),
        client: (at) => `${region.clientHi(at)} ${region.clientLo(at)}`,
        arrivalMs: (at) => batch.arrivalMs(at),
      });
      this.paired = { position: entry.position, pairs };
    }
    return this.paired.pairs.get(row);
  }

  private owns(spec: SlotSpec | undefined): boolean {
    if (spec === undefined) return false;
    if (spec.name === this.options.detector) {
      this.spec = spec;
      return true;
    }
    if (this.others.size < 64) this.others.add(spec.name);
    return false;
  }

  private add(batch: ReplayedBatch, row: number, region: Region): void {
    const from = this.answering(batch, row);
    const live = from === undefined ? undefined : batch.live(from);
    const answered = from === undefined ? undefined : batch.answered(from);
    this.rows++;
    if (this.options.row !== undefined) {
      const by = from === undefined ? undefined : batch.owner(from);
      this.options.row({ batch, row, region, live, answered, by }, () => this.textOf(batch, row));
    }
    if (live === undefined) {
      this.withoutLive++;
      return;
    }
    const { liveSaid, otherSaid } = this;
    liveSaid.score = live.score;
    liveSaid.anomaly = live.anomaly;
    otherSaid.score = region.score(row);
    otherSaid.anomaly = region.anomaly(row) === 1;
    const changed = this.comparison.add(
      live.score,
      live.anomaly,
      otherSaid.score,
      otherSaid.anomaly,
    );
    this.timeline.add(batch.arrivalMs(row), liveSaid, otherSaid);
    if (live.anomaly !== otherSaid.anomaly) this.keepAlert(batch, row, live.score, otherSaid);
    if (changed || !isSame(live, region, row)) this.note(batch, row, live, region);
    this.countFallback(answered, otherSaid.anomaly);
  }

  private keepAlert(
    batch: ReplayedBatch,
    row: number,
    liveScore: number,
    other: { readonly score: number; readonly anomaly: boolean },
  ): void {
    const list = other.anomaly ? this.gained : this.lost;
    if (list.length >= ALERTS_MAX) return;
    const timeUnixMs = batch.eventTimeMs(row);
    const { position } = batch.entry;
    const text = this.textOf(batch, row);
    list.push({ ...text, position, row, timeUnixMs, liveScore, otherScore: other.score });
  }

  // oxlint-disable-next-line max-params -- a row, and both that are said of it
  private note(batch: ReplayedBatch, row: number, live: ModelVerdict, region: Region): void {
    this.different++;
    this.first ??= {
      ...this.textOf(batch, row),
      position: batch.entry.position,
      row,
      timeUnixMs: batch.eventTimeMs(row),
      what: differencesOf(live, region, row).join(", "),
    };
  }

  private countFallback(answered: Answered | undefined, anomaly: boolean): void {
    if (answered === undefined) return;
    const counts = this.fallbacks;
    counts.rows++;
    if (answered.source === Source.RULES) counts.rules++;
    else if (answered.source === Source.CACHED) counts.cached++;
    else counts.byDefault++;
    if (answered.anomaly === 1 && !anomaly) counts.onlyFallback++;
    if (answered.anomaly === 0 && anomaly) counts.onlyReplay++;
  }

  private textOf(batch: ReplayedBatch, row: number): RowText {
    const spec = batch.owner(row);
    let oneCell = false;
    if (spec !== undefined) {
      const known = this.detectors.get(spec) ?? slotDetector(spec, batch.region.slot(row));
      this.detectors.set(spec, known);
      oneCell = isOneCell(known);
    }
    return rowText(batch.key(row), batch.id(row), oneCell);
  }
}

/** Of equal scores and anomalies: whether the rest is the same. */
function isSame(live: ModelVerdict, region: Region, row: number): boolean {
  return (
    live.anomaly === (region.anomaly(row) === 1) &&
    live.state === region.state(row) &&
    live.replayed === (region.replayed(row) === 1) &&
    live.source === region.source(row) &&
    live.timeliness === region.timeliness(row) &&
    live.systemAction === (region.systemAction(row) === 1) &&
    live.status === Math.min(255, region.status(row))
  );
}

/** What of a verdict is not as it was live, in words. */
export function differencesOf(live: ModelVerdict, region: Region, row: number): readonly string[] {
  const status = Math.min(255, region.status(row));
  const fields: readonly (readonly [string, number, number])[] = [
    ["score", live.score, region.score(row)],
    ["anomaly", Number(live.anomaly), region.anomaly(row)],
    ["state", live.state, region.state(row)],
    ["replayed", Number(live.replayed), region.replayed(row)],
    ["source", live.source, region.source(row)],
    ["timeliness", live.timeliness, region.timeliness(row)],
    ["system_action", Number(live.systemAction), region.systemAction(row)],
    ["status", live.status, status],
  ];
  return fields
    .filter(([, was, is]) => !Object.is(was, is))
    .map(([name, was, is]) => `${name} ${numberText(was)} live and ${numberText(is)} now`);
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "none";
  return Object.is(value, -0) ? "-0" : String(value);
}
