import type { Alerts } from "../alerts/alerts.ts";
import { limits } from "../config/limits.ts";
import { didYouMean } from "../config/problems.ts";
import type { Clock } from "../domain/clock.ts";
import { isDiscovering, type Discovery } from "../discovery/discovery.ts";
import type { Detector } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { Mode } from "../domain/event.ts";
import type { ScoreRequest } from "../domain/event.ts";
import { noJournal } from "../shard/journal.ts";
import type { ShardJournal } from "../shard/journal.ts";
import { notLearning } from "../shard/mender.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { ProcessJournal } from "../state/process-change.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { amend } from "./amend.ts";
import type { Besides, PlacedTicket, Submission } from "./beside.ts";
import { Deadlines } from "./deadlines.ts";
import { EncodedRows } from "./encode-rows.ts";
import { Pending } from "./pending.ts";
import type { PendingContext } from "./pending.ts";
import { Placer } from "./placer.ts";
import { DetectorRuntime } from "./runtime.ts";
import type { CallContext, Reply, Scorer, Ticket } from "./scorer.ts";
import { stageEvents } from "./stage-events.ts";
import { stageFrame } from "./stage-frame.ts";
import { stageHeartbeats } from "./stage-heartbeats.ts";
import { Staged } from "./staged.ts";
import { Violations } from "./violations.ts";

type Journal = ShardJournal & ProcessJournal;

export interface AdmissionOptions {
  readonly shards: ShardSet;
  readonly find: (name: string) => Detector | undefined;
  readonly alerts: Alerts;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  /** Told what a reply threw. */
  readonly failed: (error: unknown) => void;
  /** Requests in flight over all transports. */
  readonly requestsMax: number;
  readonly requestRowsMax: number;
  /** Absent = nothing is kept. */
  readonly journal?: Journal | undefined;
  /** Whether a verdict of the model waits for its rows to be on disk. */
  readonly acknowledges?: boolean | undefined;
}

/** Whether new requests are taken, and why not. */
export type Gate = "open" | "warming" | "draining";

/** Retry hints, ms: a full queue empties within a batch or two; a start or a drain takes its time. */
const RETRY = { full: 10, closed: 1000 } as const;

/**
 * Validates, stamps, routes and budgets requests: the one way into the shards. Synchronous, on one thread; a request either is
 * in the shards' regions whole when `submit` returns, or nothing happened.
 */
export class Admission implements Scorer {
  inFlight = 0;
  gate: Gate = "warming";
  private readonly staged = new Staged();
  private readonly placer: Placer;
  private readonly context: PendingContext;
  private readonly runtimes = new WeakMap<Detector, DetectorRuntime>();
  private readonly idleWaiters: (() => void)[] = [];

  private readonly options: AdmissionOptions;
  private discovery: Discovery | undefined;
  private besides: Besides | undefined;

  constructor(options: AdmissionOptions) {
    this.options = options;
    this.placer = new Placer(options.shards, this.staged);
    this.context = {
      clock: options.clock,
      alerts: options.alerts,
      journal: options.journal ?? noJournal,
      acknowledges: options.acknowledges ?? false,
      deadlines: new Deadlines(options.clock, options.failed),
      failed: options.failed,
      telemetry: options.telemetry,
      settled: () => this.settled(),
      amend: (runtime, firsts) => amend(options.shards, runtime, firsts, options.clock),
    };
  }

  /** Who keeps the rows of detectors that do not know their inputs yet; set once by the composition root. */
  discoverWith(discovery: Discovery): void {
    this.discovery = discovery;
  }

  /** Who sees a detector's requests beside it; set once by the composition root. */
  showTo(besides: Besides): void {
    this.besides = besides;
  }

  submit(request: ScoreRequest, call: CallContext, reply: Reply): Ticket {
    const runtime = this.admit(request, call.internal === true || call.begun === true);
    if (this.discovery === undefined || !isDiscovering(runtime.detector)) {
      return this.submitTo(runtime, request, call, reply);
    }
    this.checkRows(request);
    if (modeOf(request.mode) === Mode.HEARTBEAT) refuseHeartbeat(runtime);
    return this.discovery.submit(runtime.detector, request, reply);
  }

  /** As `submit`, to a detector that need not be found by its name. */
  submitTo(
    runtime: DetectorRuntime,
    request: ScoreRequest,
    call: CallContext,
    reply: Reply,
  ): Ticket {
    const submission = { runtime, request, call, reply };
    const beside = this.besides?.of(runtime.detector);
    if (beside === undefined) return this.submitAlone(submission);
    return beside.submit(submission, (one) => this.submitAlone(one));
  }

  private submitAlone(submission: Submission): PlacedTicket {
    const { runtime, request, call, reply, observer, answers } = submission;
    const mode = this.allowed(modeOf(request.mode));
    const beats = mode === Mode.HEARTBEAT;
    if (beats && runtime.detector.program === undefined) refuseHeartbeat(runtime);
    const budgetMs = this.budgetOf(request, runtime);
    const rows = this.stage(request, runtime, beats);
    const { clock, telemetry } = this.options;
    const { arrivalMs = clock.unixMs() } = submission;
    this.placer.reserve(runtime, mode, request, arrivalMs);
    const { sequence } = runtime;
    const encoded = this.encodedOf(submission, { mode, rows });
    encoded?.fill(this.staged, runtime);
    const pending = new Pending(
      {
        request,
        runtime,
        rows,
        placements: beats ? rows * this.options.shards.shards.length : rows,
        mode,
        receivedAt: call.receivedAt,
        arrivalMs,
        deadline: Math.min(call.receivedAt + budgetMs, call.deadline),
        reply,
        admission: runtime.ledger?.admission ?? 0,
        observer,
        answers,
        shadows: submission.shadows,
        span:
          call.internal === true
            ? undefined
            : telemetry.startRequest({
                transport: call.transport,
                detector: runtime.detector.name,
                rows,
                traceparent: call.traceparent,
              }),
      },
      this.context,
    );
    this.keepDefaulted(pending, runtime);
    const now = clock.now();
    this.placer.place(pending, mode, arrivalMs, now);
    this.inFlight++;
    this.context.deadlines.add(pending);
    const { staged } = this;
    const stamps = { arrivalMs, now, sequence };
    submission.placed?.({ request, runtime, mode, rows, ...stamps, staged, encoded });
    if (submission.quiet !== true) this.options.shards.wake();
    return pending;
  }

  /** While the journal cannot be written rows are scored and teach nothing. */
  private allowed(mode: Mode): Mode {
    if (!this.context.journal.failed || mode === Mode.SCORE_ONLY) return mode;
    if (mode === Mode.SCORE_AND_LEARN) return Mode.SCORE_ONLY;
    throw notLearning();
  }

  /** Takes a place among the requests in flight for one that scores nothing; throws as `submit` does. `leave` gives it back. */
  enter(): void {
    this.checkGate(false);
    this.inFlight++;
  }

  leave(): void {
    this.settled();
  }

  /** What is kept of a detector beside its configuration; made when it is first asked for. */
  runtimeOf(detector: Detector): DetectorRuntime {
    const known = this.runtimes.get(detector);
    if (known !== undefined) return known;
    const runtime = new DetectorRuntime(detector, this.options.telemetry.detector(detector.name));
    this.runtimes.set(detector, runtime);
    return runtime;
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    if (this.inFlight === 0) return;
    await new Promise<void>((resolve) => {
      this.idleWaiters.push(resolve);
    });
  }

  private settled(): void {
    this.inFlight--;
    if (this.inFlight === 0) for (const resolve of this.idleWaiters.splice(0)) resolve();
  }

  private admit(request: ScoreRequest, whateverTheGate: boolean): DetectorRuntime {
    this.checkGate(whateverTheGate);
    const detector = this.options.find(request.detector);
    if (detector === undefined) throw unknownDetector(request.detector);
    this.besides?.checkAnswers(detector);
    return this.runtimeOf(detector);
  }

  private checkGate(whatever: boolean): void {
    if (this.gate !== "open" && !whatever) throw closed(this.gate);
    if (this.inFlight >= this.options.requestsMax) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "TOO_MANY_IN_FLIGHT",
        `the server has ${this.options.requestsMax} requests in flight, its limit`,
        { retryAfterMs: RETRY.full },
      );
    }
  }

  private budgetOf(request: ScoreRequest, runtime: DetectorRuntime): number {
    const { timeoutMs } = request;
    if (timeoutMs === 0) return runtime.detector.config.timeoutMs;
    if (timeoutMs <= limits.timeoutMsMax) return timeoutMs;
    throw WeirError.invalid(
      "TIMEOUT_OUT_OF_RANGE",
      "timeout_ms",
      `${timeoutMs} is over ${limits.timeoutMsMax}`,
    );
  }

  /** Fills `staged` with the request's rows, or throws everything that is wrong with them. */
  private stage(request: ScoreRequest, runtime: DetectorRuntime, beats: boolean): number {
    const { events, frame } = request;
    const rows = this.checkRows(request);
    const violations = new Violations();
    if (beats) this.stageHeartbeats(request, runtime, violations);
    else if (frame === undefined) stageEvents(runtime, events, this.staged, violations);
    else stageFrame(runtime, frame, this.staged, violations);
    violations.throwIfAny();
    return rows;
  }

  private stageHeartbeats(
    request: ScoreRequest,
    { detector }: DetectorRuntime,
    violations: Violations,
  ): void {
    const { futureToleranceMs } = detector.config.eventTime;
    const ahead = { arrivalMs: this.options.clock.unixMs(), futureToleranceMs };
    stageHeartbeats(request, ahead, { staged: this.staged, violations });
  }

  private checkRows({ events, frame }: ScoreRequest): number {
    if (frame !== undefined && events.length > 0) {
      throw WeirError.invalid(
        "EVENTS_AND_FRAME",
        "frame",
        "events and frame are both set; send one",
      );
    }
    const rows = frame === undefined ? events.length : frame.rows;
    const field = frame === undefined ? "events" : "frame.rows";
    if (rows === 0) throw WeirError.invalid("NO_ROWS", field, "has no rows; expected at least one");
    const { requestRowsMax } = this.options;
    if (rows > requestRowsMax) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "TOO_MANY_ROWS",
        `${field}: ${rows} rows are over ${requestRowsMax}, the limit of one request; send more requests`,
        { violations: [{ field, message: `${rows} rows are over ${requestRowsMax}` }] },
      );
    }
    return rows;
  }

  private encodedOf(
    { request, runtime, encoded }: Submission,
    what: { readonly mode: Mode; readonly rows: number },
  ): EncodedRows | undefined {
    if (runtime.detector.encoding === undefined || what.mode === Mode.HEARTBEAT) return undefined;
    return encoded ?? new EncodedRows({ request, ...what }, this.options.journal);
  }

  private keepDefaulted(pending: Pending, runtime: DetectorRuntime): void {
    if (!this.staged.anyDefaulted) return;
    pending.verdicts.defaulted = this.staged.defaulted.slice(
      0,
      this.staged.rows * runtime.defaultedBytes,
    );
  }
}

function modeOf(mode: number): Mode {
  switch (mode) {
    case 0:
    case Mode.SCORE_AND_LEARN:
      return Mode.SCORE_AND_LEARN;
    case Mode.SCORE_ONLY:
      return Mode.SCORE_ONLY;
    case Mode.LEARN_ONLY:
      return Mode.LEARN_ONLY;
    case Mode.HEARTBEAT:
      return Mode.HEARTBEAT;
    default:
      throw WeirError.invalid(
        "INVALID_ENUM",
        "mode",
        `${mode} is no mode; expected 1 (SCORE_AND_LEARN), 2 (SCORE_ONLY), 3 (LEARN_ONLY) or 4 (HEARTBEAT)`,
      );
  }
}

/** A heartbeat to a detector that derives nothing. */
function refuseHeartbeat({ detector }: DetectorRuntime): never {
  throw WeirError.invalid(
    "INVALID_ENUM",
    "mode",
    `HEARTBEAT moves the watermark of features, and detector "${detector.name}" has none`,
  );
}

function closed(gate: "warming" | "draining"): WeirError {
  return gate === "warming"
    ? new WeirError(Code.UNAVAILABLE, "WARMING_UP", "the server is starting; try again soon", {
        retryAfterMs: RETRY.closed,
      })
    : new WeirError(Code.UNAVAILABLE, "DRAINING", "the server is stopping; try another", {
        retryAfterMs: RETRY.closed,
      });
}

/** NOT_FOUND for a name that no detector has; `names` of those that there are, for a hint. */
export function unknownDetector(name: string, names: readonly string[] = []): WeirError {
  const hint = didYouMean(name, names);
  const shown = name.length > 128 ? `${name.slice(0, 128)}...` : name;
  return new WeirError(
    Code.NOT_FOUND,
    "UNKNOWN_DETECTOR",
    `detector: there is no detector "${shown}"${hint === "" ? "; create it first" : hint}`,
    { violations: [{ field: "detector", message: `there is no detector "${shown}"` }] },
  );
}
