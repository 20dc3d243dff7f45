import type { CallContext, Reply, Ticket } from "../admission/scorer.ts";
import { limits } from "../config/limits.ts";
import { discoveredInput } from "../control/catalogue.ts";
import type { TrainingStatus } from "../control/registry.ts";
import type { Clock } from "../domain/clock.ts";
import { isWindowModel } from "../domain/detector.ts";
import type { Detector, Input, WindowModel } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { Mode } from "../domain/event.ts";
import type { EventInput, ScoreRequest } from "../domain/event.ts";
import { Source, State, Verdicts } from "../domain/verdict.ts";
import { notLearning } from "../shard/mender.ts";
import type { Position, ShardJournal } from "../shard/journal.ts";
import type { KeptRowJson, ProcessChange, ProcessJournal } from "../state/process-change.ts";
import { checkDeclared, checkEvent, checkRequired, declaredOnly, type Declared } from "./checks.ts";
import { KeptRows, tooWide, type NamedRow, type Room } from "./kept-rows.ts";
import { CategoryEncoding } from "./row-encoding.ts";

type DiscoveryJournal = ProcessJournal & Pick<ShardJournal, "failed" | "whenDurable">;

export interface DiscoveryOptions {
  /**
   * Makes the detector whose columns are now known, hands it to `fill`, and finds it by its name from `settle` on. Undefined when
   * the one that discovered is no longer there.
   */
  readonly settle: (detector: Detector, found: Found, fill: Fill) => Promise<Detector | undefined>;
  /** Admits a request to a detector that is not found by name yet. */
  readonly submit: (
    detector: Detector,
    request: ScoreRequest,
    call: CallContext,
    reply: Reply,
  ) => Ticket;
  readonly clock: Clock;
  /** Where rows go before they count; absent = nothing is kept. */
  readonly journal?: DiscoveryJournal | undefined;
  /** Whether answers wait for what they are about to be on disk. */
  readonly acknowledges?: boolean;
  /** Told what ended a discovery in the background. */
  readonly failed: (error: unknown) => void;
}

/** Gives a detector its rows; `settle` is told how many have come since it was created or reset, those among them that were not kept. */
export type Fill = (settled: Detector, settle: (total: number) => void) => Promise<void>;

/** What the rows before the first training have shown. */
export interface Found {
  readonly inputs: readonly Input[];
  /** Undefined = the detector encodes nothing. */
  readonly encoding: CategoryEncoding | undefined;
}

/** How far a detector is that does not know its columns yet. */
export interface DiscoveryStatus {
  /** Rows that are kept. */
  readonly rows: number;
  /** Rows since created or reset. */
  readonly total: number;
  /** The same, as the status of its training tells it. */
  readonly training: Pick<TrainingStatus, "windowRows" | "rowsUntilReady" | "rowsSinceTraining">;
}

interface Discovering {
  readonly kept: KeptRows;
  readonly declared: Declared;
  readonly model: WindowModel;
  total: number;
  /** Under way: rows that come meanwhile are kept and follow. */
  settling: Promise<Detector | undefined> | undefined;
}

/** Rows that may come while a detector is being made, beyond those that it needs. */
const overflowRowsMax = 4 * limits.requestRowsMax;
/** Between attempts to admit kept rows to full shards, ms. */
const retryMs = 5;

const nothing: Ticket = { cancel: () => undefined };

/** Whether the model's columns are not known yet: inputs are discovered by name, or their values are to be encoded. */
export function isDiscovering(detector: Detector): boolean {
  return detector.features.length === 0 && detector.program === undefined;
}

/**
 * Detectors whose inputs are the fields of the rows that come. Until there are `min_samples` rows they are kept here; then the
 * number fields are the inputs, in the order in which they were first seen, the detector is made in the shards, and the kept rows
 * are learned there, which makes the first training due.
 */
export class Discovery {
  private readonly options: DiscoveryOptions;
  private readonly byDetector = new WeakMap<Detector, Discovering>();
  private readonly room: Room = { values: 0 };

  constructor(options: DiscoveryOptions) {
    this.options = options;
  }

  status(detector: Detector): DiscoveryStatus {
    const { kept, total, model } = this.of(detector);
    // As in LlamaFarm a first row without any field counts until a real one comes.
    const rows = kept.length === 0 && total > 0 ? 1 : kept.length;
    const rowsUntilReady = Math.max(0, model.minSamples - rows);
    const training = { windowRows: rows, rowsUntilReady, rowsSinceTraining: total };
    return { rows, total, training };
  }

  /** Rows that are still missing before the columns are known; 0 = it is being made. */
  missing(detector: Detector): number {
    const { kept, model, settling } = this.of(detector);
    return settling === undefined ? Math.max(0, model.minSamples - kept.length) : 0;
  }

  /** Throws what makes the rows too much or malformed. */
  check(detector: Detector, rows: readonly NamedRow[]): void {
    const { kept, declared } = this.of(detector);
    const seen = rows.map((row) => declaredOnly(row, declared));
    if (declared !== undefined)
      for (const [i, row] of seen.entries()) checkRequired(row, i, declared);
    kept.check(seen);
  }

  /** Keeps rows that were checked, whole. Returns their place in the journal; 0 = it keeps nothing. */
  keep(detector: Detector, rows: readonly NamedRow[]): Position {
    const { journal } = this.options;
    if (journal?.failed === true) throw notLearning();
    this.add(detector, rows);
    if (journal === undefined || rows.length === 0) return 0;
    return journal.appendProcess({ kind: "kept", slot: detector.slot, rows: rows.map(keptJson) });
  }

  /** Rows that were kept before a restart, `total` with those that have left. */
  restore(detector: Detector, rows: readonly KeptRowJson[], total: number): void {
    this.add(detector, rows.map(keptRow));
    this.of(detector).total = total;
  }

  /** Whether enough rows were kept before a restart, and nobody has settled them. */
  resume(detector: Detector): void {
    const { kept, model, declared } = this.of(detector);
    if (kept.length < model.minSamples) return;
    if (declared === undefined && kept.numberNames().length === 0) return;
    void this.settle(detector).catch(this.options.failed);
  }

  private add(detector: Detector, rows: readonly NamedRow[]): void {
    const discovering = this.of(detector);
    const { kept, model, declared } = discovering;
    for (const row of rows) {
      discovering.total++;
      if (!hasFields(row)) continue;
      if (discovering.settling === undefined && kept.length >= model.windowRows) kept.dropOldest();
      kept.add(declaredOnly(row, declared));
    }
  }

  /**
   * Makes the detector when its rows are there: resolves to it, with all kept rows admitted, or to undefined when it was deleted or
   * reset meanwhile. Rejects when no field has numbers.
   */
  settle(detector: Detector): Promise<Detector | undefined> {
    const discovering = this.of(detector);
    discovering.settling ??= this.settleNow(detector, discovering).finally(() => {
      discovering.settling = undefined;
    });
    return discovering.settling;
  }

  /** The detector was reset or deleted: its rows are forgotten. */
  forget(detector: Detector): void {
    if (this.byDetector.has(detector)) this.append({ kind: "forgotten", slot: detector.slot });
    this.byDetector.get(detector)?.kept.clear();
    this.byDetector.delete(detector);
  }

  private append(change: ProcessChange): void {
    if (this.options.journal?.failed === false) this.options.journal.appendProcess(change);
  }

  /** A request in the contract's form to a detector that discovers: kept, and answered COLLECTING at once. */
  submit(detector: Detector, request: ScoreRequest, reply: Reply): Ticket {
    if (request.frame !== undefined) throw framesNotYet(detector.name);
    const discovering = this.of(detector);
    const learns = request.mode !== Mode.SCORE_ONLY;
    const verdicts = collecting(request.events, detector);
    if (learns) {
      const rows: NamedRow[] = [];
      for (const [row, event] of request.events.entries()) {
        checkEvent(event, row);
        if (discovering.declared !== undefined) checkDeclared(event, row, discovering.declared);
        const known = discovering.kept.holds(event) || rows.some((each) => sameId(each, event));
        if (known) verdicts.replayed[row] = 1;
        else if (event.systemAction === "" || detector.config.learnSystemActions)
          rows.push({ ...event, fields: [...event.numbers, ...event.categories] });
      }
      const position = this.take(detector, discovering, rows);
      if (position > 0) return this.answerWhenWritten(position, detector, { verdicts, reply });
    }
    reply.answer(verdicts, detector);
    return nothing;
  }

  /** Resolves when what was kept is on disk, or will not be; at the latest after `timeoutMs`. */
  written(position: Position, timeoutMs: number): Promise<boolean> {
    const { journal, clock, acknowledges = false } = this.options;
    if (position === 0 || journal === undefined || !acknowledges) {
      return Promise.resolve(false);
    }
    return new Promise((resolve) => {
      const cancel = clock.after(timeoutMs, () => resolve(false));
      journal.whenDurable(position, (durable) => {
        cancel();
        resolve(durable);
      });
    });
  }

  private answerWhenWritten(
    position: Position,
    detector: Detector,
    { verdicts, reply }: { readonly verdicts: Verdicts; readonly reply: Reply },
  ): Ticket {
    let gone = false;
    const answer = async (): Promise<void> => {
      const durable = await this.written(position, detector.config.timeoutMs);
      if (gone) return;
      verdicts.durables.fill(durable ? 1 : 0);
      reply.answer(verdicts, detector);
    };
    answer().catch(this.options.failed);
    return {
      cancel: () => {
        gone = true;
      },
    };
  }

  private take(detector: Detector, discovering: Discovering, rows: readonly NamedRow[]): Position {
    if (discovering.kept.length + rows.length > discovering.model.windowRows + overflowRowsMax) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "QUEUE_FULL",
        `detector "${detector.name}" is about to train for the first time and cannot take more rows; try again soon`,
        { retryAfterMs: retryMs },
      );
    }
    this.check(detector, rows);
    const position = this.keep(detector, rows);
    const named = discovering.declared !== undefined || discovering.kept.numberNames().length > 0;
    if (this.missing(detector) === 0 && named) {
      void this.settle(detector).catch(this.options.failed);
    }
    return position;
  }

  private async settleNow(
    detector: Detector,
    discovering: Discovering,
  ): Promise<Detector | undefined> {
    const { kept, declared } = discovering;
    const encoding =
      declared === undefined ? undefined : CategoryEncoding.of(detector, kept.categories());
    const names =
      declared === undefined ? kept.numberNames() : detector.numberInputs.map(({ name }) => name);
    if (names.length === 0 && encoding === undefined) throw noNumbers();
    const columns = (names.length + (encoding?.columns.length ?? 0)) * kept.columnsEach;
    if (columns > limits.modelColumnsMax) throw tooWide(names.length, columns);
    const inputs = declared === undefined ? names.map(discoveredInput) : detector.config.inputs;
    const { settle: make } = this.options;
    const making = make(detector, { inputs, encoding }, async (made, settle) => {
      // Rows may come while others are learned: only in the turn that finds none left is the new detector found.
      while (kept.length > 0) await this.learn(made, kept.take(limits.requestRowsMax, names));
      encoding?.start();
      settle(discovering.total);
    });
    try {
      const settled = await making;
      kept.clear();
      return settled;
    } catch (error) {
      // The shards do not have its rows after all.
      kept.giveBack();
      throw error;
    }
  }

  private async learn(detector: Detector, events: readonly EventInput[]): Promise<void> {
    const request: ScoreRequest = {
      detector: detector.name,
      events,
      frame: undefined,
      mode: Mode.LEARN_ONLY,
      timeoutMs: limits.timeoutMsMax,
      explain: false,
    };
    for (;;) {
      try {
        await this.admit(detector, request);
        return;
      } catch (error) {
        if (!(error instanceof WeirError) || error.code !== Code.RESOURCE_EXHAUSTED) throw error;
        await new Promise<void>((resolve) => {
          this.options.clock.after(retryMs, resolve);
        });
      }
    }
  }

  private admit(detector: Detector, request: ScoreRequest): Promise<void> {
    const call: CallContext = {
      receivedAt: this.options.clock.now(),
      deadline: Infinity,
      transport: "http",
      traceparent: undefined,
      internal: true,
    };
    return new Promise((resolve, reject) => {
      this.options.submit(detector, request, call, {
        answer: () => resolve(),
        fail: (error) => reject(error),
      });
    });
  }

  private of(detector: Detector): Discovering {
    const known = this.byDetector.get(detector);
    if (known !== undefined) return known;
    const { model, inputs } = detector.config;
    if (!isWindowModel(model)) throw new Error("only window models discover their inputs");
    const columnsEach = 1 + 4 * model.rollingWindows.length + model.lagPeriods.length;
    const encoded = inputs.filter(({ encoding }) => encoding !== undefined);
    const kept = new KeptRows(this.room, columnsEach, new Set(encoded.map(({ name }) => name)));
    const declared = inputs.length === 0 ? undefined : detector.byName;
    const made: Discovering = { kept, declared, model, total: 0, settling: undefined };
    this.byDetector.set(detector, made);
    return made;
  }
}

/** NaN has no JSON: as a tag, that `fieldOf` takes back. */
const NOT_A_NUMBER = { nan: true };

function keptJson({ id, key, timeUnixMs, fields }: NamedRow): KeptRowJson {
  const written = Array.from(
    fields,
    ([name, value]) => [name, Number.isNaN(value) ? NOT_A_NUMBER : value] as const,
  );
  return { id, key, timeUnixMs, fields: written };
}

function keptRow({ id, key, timeUnixMs, fields }: KeptRowJson): NamedRow {
  const read = fields.map(([name, value]) => [name, isNan(value) ? Number.NaN : value] as const);
  return { id, key, timeUnixMs, fields: read };
}

function isNan(value: unknown): boolean {
  return typeof value === "object" && value !== null && "nan" in value;
}

function hasFields(row: NamedRow): boolean {
  for (const _ of row.fields) return true;
  return false;
}

function sameId(a: Pick<NamedRow, "id" | "key">, b: Pick<NamedRow, "id" | "key">): boolean {
  return a.id !== "" && a.id === b.id && a.key === b.key;
}

/** Verdicts of rows that only collect. */
function collecting(events: readonly EventInput[], detector: Detector): Verdicts {
  const verdicts = new Verdicts(events.length);
  const { threshold } = detector.config;
  verdicts.scores.fill(Number.NaN);
  verdicts.thresholds.fill("fixed" in threshold ? threshold.fixed : Number.NaN);
  verdicts.rules.fill(-1);
  verdicts.sources.fill(Source.MODEL);
  verdicts.states.fill(State.COLLECTING);
  for (const [row, event] of events.entries()) {
    verdicts.systemActions[row] = event.systemAction === "" ? 0 : 1;
  }
  return verdicts;
}

function framesNotYet(name: string): WeirError {
  return new WeirError(
    Code.FAILED_PRECONDITION,
    "INPUTS_UNKNOWN",
    `frame: detector "${name}" discovers its inputs by name until its first training; send events until then`,
  );
}

function noNumbers(): WeirError {
  return new WeirError(
    Code.INVALID_ARGUMENT,
    "MISSING_INPUT",
    "No data in buffer: none of the rows' fields has numbers only, so there is nothing to train on; send numbers, or say in `schema` how to encode the others",
  );
}
