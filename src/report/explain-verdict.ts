import { readExplanation } from "../admission/explanation.ts";
import { readFeatures } from "../admission/read-features.ts";
import { DetectorRuntime } from "../admission/runtime.ts";
import type { ExplainedVerdict } from "../control/operations.ts";
import { State, Verdicts } from "../domain/verdict.ts";
import type { Answered, Position, SlotSpec } from "../shard/journal.ts";
import { Op } from "../shard/layout.ts";
import { verdictIn, type ModelVerdict } from "../shard/packed-rows.ts";
import { Kind, type Entry } from "../state/journal/entry.ts";
import { voidedBy } from "../state/journal/segments.ts";
import { stateKinds } from "../state/replay/restore-shard.ts";
import { run } from "../state/replay/run.ts";
import type { EntryRange, ReplayedBatch, StateSource } from "../state/replay/run-types.ts";
import { openStateSource } from "../state/replay/source.ts";
import { noTelemetry } from "../telemetry/no-telemetry.ts";
import { answeringRow, type RowPlace } from "./answering-row.ts";
import { rowsBackwards, type WantedRow } from "./find-row.ts";
import { explainedRow, rowsBefore } from "./packed-row.ts";
import { differencesOf } from "./replay-comparison.ts";
import { rowText } from "./row-text.ts";
import { isOneCell, slotDetector } from "./slot-detector.ts";

/** Entries behind a batch among which its verdicts are looked for. */
const VERDICTS_WITHIN = 100_000;
/** Repeats of an id that are told. */
const REPEATS_MAX = 100;

/** Which past verdict. */
export type PastVerdict =
  /** `key` undefined = of any key. */
  | { readonly detector: string; readonly id: string; readonly key: string | undefined }
  | { readonly position: Position; readonly row: number };

type ById = Extract<PastVerdict, { readonly id: string }>;

/** A past verdict with what the model said and why. Can be sent to another thread. */
export interface Explained extends RowPlace {
  /** The detector as it was then, with the version that served: `slotDetector` makes it. */
  readonly spec: SlotSpec;
  /**
   * Whether it answered the row, as the detector that was asked or as its shadow by its share of keys; the row was fed to it as a shadow; or while it was a version
   * that learned, which answers nobody.
   */
  readonly part: "serving" | "share" | "shadow" | "learning";
  /** The detector that the row was sent to. */
  readonly asked: string;
  readonly slot: number;
  readonly key: string;
  /** "" = it had none. */
  readonly eventId: string;
  readonly timeUnixMs: number;
  readonly arrivalUnixMs: number;
  /** One row: what the client got; undefined = the journal has no answer: the server died before, or nobody waited. */
  readonly answered: Verdicts | undefined;
  /** One row: what the model said, stepped again, with reasons and features. */
  readonly modelled: Verdicts;
  /** What of it is not as the journal says that it was; [] = nothing is, as it should be. */
  readonly differences: readonly string[];
  /** Whether the client got a fallback's answer. */
  readonly byFallback: boolean;
  /** Newer rows with this id, which had the verdict repeated: at most 100, the newest first. */
  readonly repeats: readonly RowPlace[];
}

export interface ExplainOptions {
  /** How far back the id was looked for, and how far forward the state was brought. */
  readonly onProgress?: (what: "looking" | "stepping", position: Position) => void;
}

/**
 * Steps the row of a past verdict again on the state that was there, and explains it. Synchronous, and takes as long as the rows between the newest snapshot
 * before it and the row: to be called in a thread of its own. Undefined = what is kept has no such row.
 * @param directory a data directory, of a running server too, or a backup
 */
export function explainVerdict(
  directory: string,
  module: WebAssembly.Module,
  query: PastVerdict,
  options: ExplainOptions = {},
): Explained | undefined {
  return explainIn(openStateSource(directory), module, query, options);
}

/** The same of a source that is open. */
export function explainIn(
  source: StateSource,
  module: WebAssembly.Module,
  query: PastVerdict,
  options: ExplainOptions = {},
): Explained | undefined {
  const explainer = new Explainer(source, module, options);
  return "id" in query ? explainer.byId(query) : explainer.at(answeringRow(source, query), []);
}

/** As the server's operations give it. */
export function asExplainedVerdict(explained: Explained): ExplainedVerdict {
  const { answered, arrivalUnixMs, eventId, key, modelled, position, row, slot } = explained;
  const { spec, timeUnixMs } = explained;
  const detector = slotDetector(spec, slot);
  const event = { key, eventId, timeUnixMs, arrivalUnixMs };
  return { position, row, detector, version: spec.version, ...event, answered, modelled };
}

class Explainer {
  private readonly source: StateSource;
  private readonly module: WebAssembly.Module;
  private readonly options: ExplainOptions;

  constructor(source: StateSource, module: WebAssembly.Module, options: ExplainOptions) {
    this.source = source;
    this.module = module;
    this.options = options;
  }

  /**
   * The newest row of this id that was not a repeat; where all that are kept are repeats, the newest of them. Of a row that two have it is that
   * of the one which answered. Rows that were fed to the detector as a shadow come last.
   */
  byId(wanted: ById): Explained | undefined {
    return this.find(wanted, false) ?? this.find(wanted, true);
  }

  private find({ detector, id, key }: ById, isAside: boolean): Explained | undefined {
    const names = new Map<number, string>();
    /** By slot: the newest first. */
    const repeats = new Map<number, RowPlace[]>();
    const looked = (position: Position): void => this.options.onProgress?.("looking", position);
    const stretch = { first: this.source.first, until: this.source.last };
    for (const found of rowsBackwards(this.source, { id, key, isAside }, stretch, looked)) {
      if (found.kind === "names") {
        names.clear();
        if (found.begins !== undefined) repeats.delete(found.begins);
        continue;
      }
      const { slot } = found;
      if ((names.get(slot) ?? detector) !== detector) continue;
      const before = repeats.get(slot) ?? [];
      const place = this.answering(found, isAside);
      if (this.wasRepeated(place)) {
        if (before.length < REPEATS_MAX) repeats.set(slot, [...before, place]);
        continue;
      }
      const explained = this.at(place, before);
      if (explained === undefined) continue;
      names.set(slot, nameOf(explained, isAside));
      if (isWanted(explained, { detector, id, key, isAside })) return explained;
    }
    return this.firstOf(repeats, { detector, id, key, isAside });
  }

  private answering(found: RowPlace & { readonly isShared: boolean }, isAside: boolean): RowPlace {
    return found.isShared && !isAside ? answeringRow(this.source, found) : placeOf(found);
  }

  /** The row was stepped again, or undefined: there is none, or it was left out. */
  at({ position, row }: RowPlace, repeats: readonly RowPlace[]): Explained | undefined {
    const entry = this.entryAt(position);
    if (entry === undefined || row >= entry.rows) return undefined;
    let explained: Explained | undefined;
    let said: Said | undefined;
    run({
      source: new ExplainingSource(this.source, entry, row),
      module: this.module,
      from: position,
      until: position,
      visit: (batch) => {
        // The rows before it come first, and with them what is known of all rows of the entry.
        said ??= { live: batch.live(row), answered: batch.answered(row) };
        if (batch.op(row) === Op.SKIP) return true;
        explained = explainedOf(batch, row, { ...said, repeats });
        return false;
      },
      onProgress: (progress) => this.options.onProgress?.("stepping", progress.position),
    });
    return explained;
  }

  private firstOf(
    repeats: ReadonlyMap<number, readonly RowPlace[]>,
    wanted: WantedRow & ById,
  ): Explained | undefined {
    for (const [first, ...rest] of repeats.values()) {
      const explained = first === undefined ? undefined : this.at(first, rest);
      if (explained !== undefined && isWanted(explained, wanted)) return explained;
    }
    return undefined;
  }

  private entryAt(position: Position): Entry | undefined {
    const range = { after: position - 1, until: position, kinds: [Kind.ROWS] };
    for (const entry of this.source.entries(range)) return entry;
    return undefined;
  }

  /** Whether the row had the verdict of one before it, as far as the journal says. */
  private wasRepeated({ position, row }: RowPlace): boolean {
    const range = { after: position, until: position + VERDICTS_WITHIN, kinds: [Kind.VERDICTS] };
    for (const { body } of this.source.entries(range)) {
      if (voidedBy(body) === position) return verdictIn(body.subarray(8), row)?.replayed === true;
    }
    return false;
  }
}

/** A source of one shard whose entry with the row comes in two parts: the rows before it, and the row alone, to be explained. */
class ExplainingSource implements StateSource {
  private readonly source: StateSource;
  private readonly entry: Entry;
  private readonly row: number;

  constructor(source: StateSource, entry: Entry, row: number) {
    this.source = source;
    this.entry = entry;
    this.row = row;
  }

  get shards(): number {
    return this.source.shards;
  }

  get memoryBytes(): number {
    return this.source.memoryBytes;
  }

  get first(): Position {
    return this.source.first;
  }

  get last(): Position {
    return this.source.last;
  }

  voids(after: Position): ReadonlySet<Position> {
    return this.source.voids(after);
  }

  snapshots(): ReturnType<StateSource["snapshots"]> {
    return this.source.snapshots();
  }

  *entries(range: EntryRange): Generator<Entry, void> {
    const { position, shard } = this.entry;
    for (const entry of this.source.entries(range)) {
      if (entry.kind === Kind.ROWS && entry.position === position) {
        yield { ...entry, body: rowsBefore(entry.body, this.row) };
        yield { ...entry, rows: this.row + 1, body: explainedRow(entry.body, this.row) };
      } else if (entry.shard === shard || !stateKinds.includes(entry.kind)) {
        yield entry;
      }
    }
  }
}

function placeOf({ position, row }: RowPlace): RowPlace {
  return { position, row };
}

/** Whose row it is: of one that was fed aside the shadow's, else that of the detector that was asked; "" = nobody's. */
function nameOf({ asked, part, spec }: Explained, isAside: boolean): string {
  if (part === "learning") return "";
  return isAside ? spec.name : asked;
}

function isWanted(explained: Explained, wanted: WantedRow & ById): boolean {
  const { eventId, key } = explained;
  const isOfKey = wanted.key === undefined || key === wanted.key;
  const name = nameOf(explained, wanted.isAside);
  return name === wanted.detector && eventId === wanted.id && isOfKey;
}

/** What the journal says of a row. */
interface Said {
  readonly live: ModelVerdict | undefined;
  readonly answered: Answered | undefined;
}

function explainedOf(
  batch: ReplayedBatch,
  row: number,
  said: Said & Pick<Explained, "repeats">,
): Explained | undefined {
  const { region } = batch;
  const { answered, live, repeats } = said;
  const slot = region.slot(row);
  const owner = batch.owner(row);
  const spec = owner ?? batch.slot(slot);
  if (spec === undefined) return undefined;
  const detector = slotDetector(spec, slot);
  const { key, id } = rowText(batch.key(row), batch.id(row), isOneCell(detector));
  const modelled = new Verdicts(1);
  put(modelled, batch, row);
  const runtime = new DetectorRuntime(detector, noTelemetry.detector(detector.name));
  modelled.explanations = [readExplanation(region, row, runtime)];
  if (runtime.derived > 0) {
    modelled.features = new Float64Array(runtime.derived - 1).fill(Number.NaN);
    readFeatures(region, row, runtime, modelled);
    modelled.timeliness = Uint8Array.of(region.timeliness(row));
  }
  return {
    position: batch.entry.position,
    row,
    spec,
    part: partOf(batch, row),
    asked: batch.asked(row) ?? spec.name,
    slot,
    key,
    eventId: id,
    timeUnixMs: batch.eventTimeMs(row),
    arrivalUnixMs: batch.arrivalMs(row),
    // Of two that have the row the shadow answered.
    answered: batch.isAside(row) === batch.isShared(row) ? answeredOf(batch, row, said) : undefined,
    modelled,
    differences: live === undefined ? [] : differencesOf(live, region, row),
    byFallback: answered !== undefined,
    repeats,
  };
}

function partOf(batch: ReplayedBatch, row: number): Explained["part"] {
  if (!batch.isAside(row)) return "serving";
  if (batch.isShared(row)) return "share";
  return batch.owner(row) === undefined ? "learning" : "shadow";
}

function put(verdicts: Verdicts, { region }: ReplayedBatch, row: number): void {
  verdicts.scores[0] = region.score(row);
  verdicts.rawScores[0] = region.rawScore(row);
  verdicts.thresholds[0] = region.threshold(row);
  verdicts.modelVersions[0] = region.modelVersion(row);
  verdicts.rules[0] = region.rule(row);
  verdicts.anomalies[0] = region.anomaly(row);
  verdicts.sources[0] = region.source(row);
  verdicts.states[0] = region.state(row);
  verdicts.replayed[0] = region.replayed(row);
  verdicts.systemActions[0] = region.systemAction(row);
}

/** Where the model's verdict was the answer, it is what the journal says of it; what it does not keep is as the model says it now. */
function answeredOf(
  batch: ReplayedBatch,
  row: number,
  { answered, live }: Said,
): Verdicts | undefined {
  if (answered === undefined && live === undefined) return undefined;
  const verdicts = new Verdicts(1);
  put(verdicts, batch, row);
  if (live !== undefined) {
    verdicts.scores[0] = live.score;
    verdicts.anomalies[0] = live.anomaly ? 1 : 0;
    verdicts.states[0] = live.state;
    verdicts.sources[0] = live.source;
    verdicts.replayed[0] = live.replayed ? 1 : 0;
    verdicts.systemActions[0] = live.systemAction ? 1 : 0;
  }
  if (answered !== undefined) {
    verdicts.scores[0] = answered.score;
    verdicts.rawScores[0] = answered.rawScore;
    verdicts.thresholds[0] = answered.threshold;
    verdicts.anomalies[0] = answered.anomaly;
    verdicts.states[0] = answered.state || State.COLLECTING;
    verdicts.sources[0] = answered.source;
    verdicts.rules[0] = answered.rule;
    verdicts.replayed[0] = answered.replayed;
    verdicts.modelVersions[0] = answered.modelVersion;
  }
  return verdicts;
}
