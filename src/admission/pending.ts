import type { Alert, Alerts } from "../alerts/alerts.ts";
import type { Clock } from "../domain/clock.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { learns, Mode } from "../domain/event.ts";
import type { ScoreRequest } from "../domain/event.ts";
import { Source, Timeliness, Verdicts, sourceOf, stateOf } from "../domain/verdict.ts";
import { PARTITIONS, Status } from "../shard/layout.ts";
import type { ShardJournal } from "../shard/journal.ts";
import type { Region } from "../shard/region.ts";
import type { RowsOwner, Shard } from "../shard/shard.ts";
import type { RequestSpan, Telemetry } from "../telemetry/telemetry.ts";
import { answersIn, answersTo } from "./answers.ts";
import type { Deadlines, Due } from "./deadlines.ts";
import { readExplanation } from "./explanation.ts";
import { fallBack, rowOf, timeOf } from "./fallback.ts";
import type { FirstVerdict } from "./first-verdicts.ts";
import { Placements } from "./placements.ts";
import { readFeatures } from "./read-features.ts";
import { RowIds } from "./row-ids.ts";
import type { Outcome } from "./row-ids.ts";
import type { DetectorRuntime } from "./runtime.ts";
import type { Reply } from "./scorer.ts";
import { withdrawUnlearned } from "./unlearned-keys.ts";

/** What every request in flight shares. */
export interface PendingContext {
  readonly journal: ShardJournal;
  /** Whether a verdict of the model waits for its rows to be on disk. */
  readonly acknowledges: boolean;
  readonly clock: Clock;
  readonly alerts: Alerts;
  readonly deadlines: Deadlines;
  /** Told what a reply threw. */
  readonly failed: (error: unknown) => void;
  readonly telemetry: Telemetry;
  /** A request stopped being in flight: answered, failed or cancelled. */
  readonly settled: (pending: Pending) => void;
  /** A fallback answered rows with ids: a later duplicate must get the same verdict. */
  readonly amend: (runtime: DetectorRuntime, firsts: readonly FirstVerdict[]) => void;
}

export interface PendingOptions {
  readonly request: ScoreRequest;
  readonly runtime: DetectorRuntime;
  readonly rows: number;
  /** Verdicts to wait for: one a row, of heartbeats one a row and shard. */
  readonly placements: number;
  readonly mode: Mode;
  readonly receivedAt: number;
  /** Unix ms: what the shards are told, and the time of events without one. */
  readonly arrivalMs: number;
  readonly deadline: number;
  readonly reply: Reply;
  readonly span: RequestSpan | undefined;
  /** Number of its admission in the detector's key ledger; 0 = it keeps none. */
  readonly admission: number;
  /** Told what the model says of each row, late or not. */
  readonly observer?: VerdictObserver | undefined;
  /** Whether the client gets this verdict of a row: others are counted nowhere and alert nobody. Absent = it gets all of them. */
  readonly answers?: ((row: number) => boolean) | undefined;
  /** Whether its rows are a shadow's. */
  readonly shadows?: boolean | undefined;
}

/** Looks at the model's verdicts of rows while they can be read from the region. */
export interface VerdictObserver {
  live(region: Region, at: number, requestRow: number): void;
  /** The row will not be stepped: its request was cancelled. */
  skipped?(requestRow: number): void;
}

/**
 * A request in flight: collects its rows' verdicts from one or more batches and replies once, with the model's verdicts or, when
 * the budget ends first, with the fallback's for the rows that are still out. Their results are applied by the shard all the same.
 */
export class Pending implements RowsOwner, Due {
  readonly verdicts: Verdicts;
  readonly deadline: number;
  readonly span: RequestSpan | undefined;
  previousDue: Due | undefined = undefined;
  nextDue: Due | undefined = undefined;
  private outstanding: number;
  private state: "waiting" | "answered" | "cancelled" = "waiting";
  private readonly placements: Placements;
  private readonly ids: RowIds;

  readonly options: PendingOptions;
  private readonly context: PendingContext;

  constructor(options: PendingOptions, context: PendingContext) {
    this.options = options;
    this.context = context;
    this.verdicts = new Verdicts(options.rows);
    this.deadline = options.deadline;
    this.span = options.span;
    this.outstanding = options.placements;
    this.placements = new Placements(options.rows);
    this.ids = new RowIds(options, context, this.verdicts);
    if (options.request.explain) {
      this.verdicts.explanations = Array.from({ length: options.rows }, () => undefined);
    }
    const { derived } = options.runtime;
    if (options.request.features === true && derived > 0) {
      this.verdicts.features = new Float64Array(options.rows * (derived - 1)).fill(Number.NaN);
    }
  }

  placed(shard: Shard, first: number, count: number): void {
    this.placements.add(shard, first, count);
  }

  cut(region: Region, first: number, position: number): void {
    const placement = this.placements.cut(region, first, position);
    // The fallback was faster: what it said is journaled beside what the model will say.
    if (placement === undefined || this.state !== "answered" || position === 0) return;
    const { placements, verdicts } = this;
    this.context.journal.appendAnswers(answersIn(placements, placement, verdicts));
  }

  done(region: Region, first: number, count: number): void {
    if (this.state !== "waiting") {
      this.late(region, first, count);
      return;
    }
    const { verdicts } = this;
    const { cache, derived } = this.options.runtime;
    const derives = derived > 0 && this.options.mode !== Mode.HEARTBEAT;
    const now = this.context.clock.now();
    let failed = false;
    let roomless: number[] | undefined;
    /** Of which the client gets something else than the shard says. */
    let otherwise: number[] | undefined;
    for (let at = first; at < first + count; at++) {
      const row = region.requestRow(at);
      const status = region.status(at);
      if (status !== Status.OK) {
        failed ||= status === Status.UNKNOWN_DETECTOR;
        this.options.runtime.noteRefusal(status);
        (roomless ??= []).push(row);
        (otherwise ??= []).push(row);
        continue;
      }
      verdicts.scores[row] = region.score(at);
      verdicts.rawScores[row] = region.rawScore(at);
      verdicts.thresholds[row] = region.threshold(at);
      verdicts.modelVersions[row] = region.modelVersion(at);
      verdicts.rules[row] = region.rule(at);
      verdicts.anomalies[row] = region.anomaly(at);
      verdicts.sources[row] = region.source(at);
      verdicts.states[row] = region.state(at);
      verdicts.replayed[row] = region.replayed(at);
      verdicts.systemActions[row] = region.systemAction(at);
      const isNew = region.replayed(at) === 0;
      if (isNew) cache.put(region, at, now);
      else this.returnSequence();
      if (this.ids.met(row, isNew)) (otherwise ??= []).push(row);
      if (verdicts.explanations !== undefined) {
        verdicts.explanations[row] = readExplanation(region, at, this.options.runtime);
      }
      if (derives) this.readDerived(region, at);
      this.options.observer?.live(region, at, row);
    }
    this.outstanding -= count;
    if (failed) {
      this.fail();
      return;
    }
    if (roomless !== undefined) {
      this.fallBackFor(roomless, this.isKept(region, first) ? "refused" : "lost");
    }
    if (otherwise !== undefined) this.journalAnswers(otherwise);
    if (this.outstanding === 0) this.finish();
  }

  /** All verdicts are there: they leave when their rows are on disk. */
  private finish(): void {
    const { journal, acknowledges } = this.context;
    const { newest } = this.placements;
    if (!acknowledges || newest === 0 || newest <= journal.durable) {
      this.answer();
      return;
    }
    const since = this.context.clock.now();
    journal.whenDurable(newest, (durable) => {
      if (this.state !== "waiting") return;
      const waitedUs = (this.context.clock.now() - since) * 1000;
      this.context.telemetry.stage("journal", waitedUs, this.options.rows);
      try {
        if (!durable) this.fallBackUndurable();
        this.answer();
      } catch (error) {
        // One owner's failure is its own: others wait for the same commit.
        this.context.failed(error);
      }
    });
  }

  /** Rows whose batch is not on disk get the fallback's verdict: the model's would promise that they are. */
  private fallBackUndurable(): void {
    const { journal } = this.context;
    const late: number[] = [];
    const lost: number[] = [];
    for (const placement of this.placements.all) {
      const { position } = placement;
      if (position > 0 && position <= journal.durable) continue;
      const rows = position > 0 ? late : lost;
      // Positions are given again when it goes on.
      if (journal.failed) placement.position = 0;
      for (const { row } of this.placements.rowsOf(placement)) {
        const { sources, replayed } = this.verdicts;
        // A duplicate has its first verdict, whatever becomes of it.
        if (sources[row] === Source.MODEL && replayed[row] === 0) rows.push(row);
      }
    }
    const rows = [...late, ...lost];
    if (rows.length === 0) return;
    this.context.telemetry.stageFailed("journal", rows.length);
    this.fallBackFor(late, "undurable");
    this.fallBackFor(lost, "lost");
    this.journalAnswers(rows);
  }

  /** What only rows of a detector with features have. */
  private readDerived(region: Region, at: number): void {
    const { verdicts } = this;
    const { request, runtime } = this.options;
    const timeliness = region.timeliness(at);
    if (timeliness !== Timeliness.ON_TIME) {
      verdicts.timeliness ??= new Uint8Array(verdicts.rows);
      verdicts.timeliness[region.requestRow(at)] = timeliness;
      const isRefused = timeliness >= Timeliness.LATE_REFUSED;
      if (isRefused && rowOf(request, region.requestRow(at)).id !== "") this.returnSequence();
    }
    if (request.features === true || request.explain) readFeatures(region, at, runtime, verdicts);
  }

  lost(region: Region, first: number, count: number): void {
    this.placements.cut(region, first, 0);
    const rows: number[] = [];
    for (let at = first; at < first + count; at++) rows.push(region.requestRow(at));
    // Nobody knows whether a row before it has its id.
    if (this.state === "answered") for (const row of rows) this.ids.metLate(row, false);
    if (this.state !== "waiting") return;
    this.fallBackFor(rows, "lost");
    this.outstanding -= count;
    if (this.outstanding === 0) this.finish();
  }

  /** The budget is over. */
  expire(): void {
    if (this.state !== "waiting") return;
    if (this.context.acknowledges) this.fallBackUndurable();
    const { sources } = this.verdicts;
    const rows = [...sources.keys()].filter((row) => sources[row] === 0);
    if (rows.length > 0) {
      this.countLate(rows.length);
      this.fallBackFor(rows, "open");
      this.journalAnswers(rows);
    }
    this.answer();
  }

  /** Rows that were cut; of the others `cut` tells. */
  private journalAnswers(rows: readonly number[]): void {
    const { journal } = this.context;
    const answers = answersTo(this.placements, this.verdicts, rows);
    if (answers.length > 0 && !journal.failed) journal.appendAnswers(answers);
  }

  /** Tells in which stage the budget ended for `rows` rows: still queued, or cut and not back. */
  private countLate(rows: number): void {
    const queued = this.placements.waiting;
    if (queued > 0) this.context.telemetry.stageFailed("queue", queued);
    if (rows > queued) this.context.telemetry.stageFailed("step", rows - queued);
  }

  answerAll(): void {
    this.placements.unshare();
  }

  /** The caller went away. Rows whose batch is not cut are skipped; nobody is told anything any more. */
  cancel(): void {
    if (this.state !== "waiting") return;
    for (const { shard, region, generation, first, count } of this.placements.all) {
      if (!shard.waits(region, generation)) continue;
      for (let at = first; at < first + count; at++) {
        region.skip(at);
        this.options.observer?.skipped?.(region.requestRow(at));
        this.withdrawKey(region, at);
        if (rowOf(this.options.request, region.requestRow(at)).id !== "") this.returnSequence();
      }
    }
    this.settle("cancelled");
    this.span?.end({ error: "CANCELLED" });
  }

  /** The row's key will not be made by this request. */
  private withdrawKey(region: Region, at: number): void {
    const { admission, mode, request, runtime } = this.options;
    if (runtime.ledger === undefined || !learns(mode)) return;
    const { key } = rowOf(request, region.requestRow(at));
    runtime.ledger.withdraw(key, region.hashLo(at) & (PARTITIONS - 1), admission);
  }

  /** A duplicate, or a row that is never stepped, takes no place among the ids that are remembered. */
  private returnSequence(): void {
    if (learns(this.options.mode)) this.options.runtime.sequence--;
  }

  private answer(): void {
    this.settle("answered");
    const { admission, mode, request, runtime, reply } = this.options;
    const { timeliness } = this.verdicts;
    if (timeliness !== undefined && learns(mode)) {
      withdrawUnlearned(runtime, request, timeliness, admission);
    }
    const { journal } = this.context;
    // A row that was to teach and was only scored, since the journal could not be written when it came, acknowledges nothing though it is kept.
    const asAsked = mode !== Mode.SCORE_ONLY || request.mode === Mode.SCORE_ONLY;
    if (journal.durable > 0 && asAsked) {
      this.placements.markDurable(this.verdicts.durables, journal.durable);
      this.ids.unmark(this.verdicts.durables);
    }
    this.report();
    reply.answer(this.verdicts, runtime.detector);
  }

  private fail(): void {
    this.settle("answered");
    this.span?.end({ error: "DETECTOR_REMOVED" });
    this.options.reply.fail(
      new WeirError(
        Code.FAILED_PRECONDITION,
        "DETECTOR_REMOVED",
        `detector "${this.options.runtime.detector.name}" was deleted while the request was in flight`,
      ),
    );
  }

  private settle(state: "answered" | "cancelled"): void {
    this.state = state;
    this.ids.release();
    this.context.deadlines.remove(this);
    this.context.settled(this);
  }

  private fallBackFor(rows: readonly number[], outcome: Outcome): void {
    const { arrivalMs, runtime, request, mode } = this.options;
    const now = this.context.clock.now();
    const scored = mode === Mode.SCORE_AND_LEARN || mode === Mode.SCORE_ONLY;
    for (const row of rows) {
      if (this.ids.repeat(row)) continue;
      fallBack({ runtime, request, row, now, arrivalMs, scored }, this.verdicts);
      this.ids.fellBack(row, outcome);
    }
    runtime.fallbacks += rows.length;
    this.ids.amend();
  }

  /** Verdicts that came after the answer: the cache learns them, and an anomaly that the fallback did not see is told. */
  private late(region: Region, first: number, count: number): void {
    const { cache } = this.options.runtime;
    const now = this.context.clock.now();
    const isKept = this.isKept(region, first);
    for (let at = first; at < first + count; at++) {
      const row = region.requestRow(at);
      const isNew = region.replayed(at) === 0;
      const isRefused = region.timeliness(at) >= Timeliness.LATE_REFUSED;
      if (this.state === "answered") this.ids.metLate(row, isNew && isKept && !isRefused);
      if (!isNew || (isRefused && rowOf(this.options.request, row).id !== ""))
        this.returnSequence();
      if (region.status(at) !== Status.OK || region.state(at) === 0) continue;
      this.options.observer?.live(region, at, row);
      if (isNew) cache.put(region, at, now);
      const known = this.verdicts.sources[row] !== 0 && this.verdicts.anomalies[row] === 1;
      if (this.state === "cancelled" || known || region.anomaly(at) === 0) continue;
      if (region.replayed(at) === 1 || this.options.answers?.(row) === false) continue;
      this.publish(row, {
        score: region.score(at),
        rawScore: region.rawScore(at),
        threshold: region.threshold(at),
        source: sourceOf(region.source(at)),
        state: stateOf(region.state(at)),
        modelVersion: region.modelVersion(at),
        rule: "",
      });
    }
    this.ids.amend();
  }

  /** Whether a batch teaches what it should: not one that was cut while the journal could not be written. */
  private isKept(region: Region, first: number): boolean {
    return this.context.journal.newest === 0 || this.placements.isIn(region, first);
  }

  /** Metrics, the span's end and alerts of an answered request. */
  private report(): void {
    const { verdicts } = this;
    const { runtime, receivedAt, request } = this.options;
    const { rows, sources, anomalies } = verdicts;
    const { meter } = runtime;
    const latencyUs = (this.context.clock.now() - receivedAt) * 1000;
    const { answers } = this.options;
    let counted = rows;
    let byModel = 0;
    let found = 0;
    for (let row = 0; row < rows; row++) {
      if (answers?.(row) === false) {
        counted--;
        continue;
      }
      if (sources[row] === Source.MODEL) byModel++;
      if (anomalies[row] === 1) found++;
    }
    if (byModel > 0) meter.answered(Source.MODEL, byModel, latencyUs);
    if (byModel < counted) {
      for (const source of [Source.RULES, Source.CACHED, Source.DEFAULT] as const) {
        const count = sources.reduce(
          (n, each, row) => (each === source && answers?.(row) !== false ? n + 1 : n),
          0,
        );
        if (count > 0) meter.answered(source, count, latencyUs);
      }
    }
    const timeUnixMs = timeOf(request, 0);
    if (timeUnixMs !== 0) meter.eventAge(this.context.clock.unixMs() - timeUnixMs);
    if (found > 0) this.alert(found);
    if (this.span !== undefined) {
      const [first] = sources;
      this.span.end(first === undefined ? {} : { source: sourceOf(first) });
    }
  }

  private alert(found: number): void {
    const { verdicts } = this;
    this.options.runtime.meter.anomalies(found);
    for (let row = 0; row < verdicts.rows; row++) {
      if (verdicts.anomalies[row] !== 1 || verdicts.replayed[row] === 1) continue;
      if (this.options.answers?.(row) === false) continue;
      const rule = this.options.runtime.detector.config.rules[verdicts.rules[row] ?? -1];
      this.publish(row, {
        score: verdicts.scores[row] ?? Number.NaN,
        rawScore: verdicts.rawScores[row] ?? 0,
        threshold: verdicts.thresholds[row] ?? 1,
        source: sourceOf(verdicts.sources[row] ?? 0),
        state: stateOf(verdicts.states[row] ?? 0),
        modelVersion: verdicts.modelVersions[row] ?? 0,
        rule: rule?.name ?? "",
      });
    }
  }

  private publish(row: number, verdict: AlertVerdict): void {
    const { key, timeUnixMs, id } = rowOf(this.options.request, row);
    this.context.alerts.publish({
      detector: this.options.request.detector,
      key,
      timeUnixMs: timeUnixMs === 0 ? this.options.arrivalMs : timeUnixMs,
      eventId: id,
      ...verdict,
    });
  }
}

/** What an alert tells beside whose it is. */
type AlertVerdict = Omit<Alert, "detector" | "key" | "timeUnixMs" | "eventId">;
