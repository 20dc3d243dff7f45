import { makeDetector } from "../../src/config/detector.ts";
import type {
  ExplainedVerdict,
  Finding,
  Operations,
  ShadowReport,
  ShadowStart,
  SnapshotInfo,
  StateReport,
  VerdictQuery,
  VersionInfo,
} from "../../src/control/operations.ts";
import type { Detector, DetectorConfig } from "../../src/domain/detector.ts";
import { Code, WeirError } from "../../src/domain/errors.ts";
import { Source, State, Verdicts } from "../../src/domain/verdict.ts";

export const aSnapshot: SnapshotInfo = {
  position: 2 ** 53 - 1,
  timeUnixMs: 1_700_000_000_000,
  stateBytes: 3,
  fileBytes: 2,
};

/** Answers from its fields, remembers what it was asked, and refuses everything with `refusal` while there is one. */
export class FakeOperations implements Operations {
  readonly asked: unknown[] = [];
  refusal: Error | undefined = undefined;
  /** What an export yields, and what an import got. */
  exported: Uint8Array[] = [Buffer.from("first"), Buffer.from("second")];
  readonly imported: Uint8Array[] = [];
  findings: Finding[] = [
    { what: "snapshots/1", sound: true, problem: "", progress: 0.5 },
    { what: "journal/1.db", sound: false, problem: "position 7: changed", progress: 1 },
  ];
  /** While true an export, and a verification, stand still after their first item. */
  holding = false;
  /** Iterations and imports that have ended, in whatever way. */
  ended = 0;
  /** Imports that failed before their end. */
  broken: unknown[] = [];
  readonly #detector: Detector;
  #release = Promise.withResolvers<void>();

  constructor(detector: Detector) {
    this.#detector = detector;
  }

  release(): void {
    this.holding = false;
    this.#release.resolve();
    this.#release = Promise.withResolvers();
  }

  async state(): Promise<StateReport> {
    this.#ask("state");
    return {
      durability: "acknowledged",
      learning: false,
      problem: "the disk is full",
      position: 9,
      durablePosition: 8,
      oldestPosition: 1,
      journalBytes: 4096,
      shards: 2,
      snapshots: [aSnapshot],
    };
  }

  async createSnapshot(): Promise<SnapshotInfo> {
    this.#ask("createSnapshot");
    return aSnapshot;
  }

  async listSnapshots(): Promise<readonly SnapshotInfo[]> {
    this.#ask("listSnapshots");
    return [aSnapshot];
  }

  async backUp(directory: string, journal: boolean): Promise<SnapshotInfo> {
    this.#ask({ backUp: directory, ...(journal ? { journal } : {}) });
    return aSnapshot;
  }

  async *verify(deep: boolean): AsyncGenerator<Finding> {
    this.#ask({ verify: deep });
    yield* this.#items(this.findings);
  }

  async explainVerdict(query: VerdictQuery): Promise<ExplainedVerdict> {
    this.#ask({ explain: query });
    return {
      position: 12,
      row: 3,
      detector: this.#detector,
      version: 2,
      key: "k",
      eventId: "e",
      timeUnixMs: 5,
      arrivalUnixMs: 6,
      answered: verdict(Source.DEFAULT, 0.25),
      modelled: verdict(Source.MODEL, 0.75),
    };
  }

  async *exportDetector(name: string): AsyncGenerator<Uint8Array> {
    this.#ask({ export: name });
    yield* this.#items(this.exported);
  }

  async importDetector(name: string, chunks: AsyncIterable<Uint8Array>): Promise<Detector> {
    this.#ask({ import: name });
    try {
      for await (const chunk of chunks) this.imported.push(Buffer.from(chunk));
    } catch (thrown) {
      this.broken.push(thrown);
      throw thrown;
    } finally {
      this.ended++;
    }
    return this.#detector;
  }

  async updateDetector(name: string, config: DetectorConfig): Promise<VersionInfo> {
    this.#ask({ update: name, config });
    return this.#version(2);
  }

  async versions(name: string): Promise<readonly VersionInfo[]> {
    this.#ask({ versions: name });
    return [this.#version(2), this.#version(1)];
  }

  async rollback(name: string, version: number, replay: boolean): Promise<VersionInfo> {
    this.#ask({ rollback: name, version, replay });
    return this.#version(version);
  }

  async startShadow(start: ShadowStart): Promise<Detector> {
    this.#ask({ start });
    return makeDetector(start.name, 1, start.config);
  }

  async setShadowShare(name: string, share: number): Promise<void> {
    this.#ask({ share: name, of: share });
  }

  async shadowReport(name: string): Promise<ShadowReport> {
    this.#ask({ report: name });
    return { ...aReport, name };
  }

  async promoteShadow(name: string): Promise<Detector> {
    this.#ask({ promote: name });
    return this.#detector;
  }

  async stopShadow(name: string): Promise<void> {
    this.#ask({ stop: name });
  }

  #ask(what: unknown): void {
    this.asked.push(what);
    if (this.refusal !== undefined) throw this.refusal;
  }

  async *#items<T>(items: readonly T[]): AsyncGenerator<T> {
    try {
      for (const item of items) {
        yield item;
        if (this.holding) await this.#release.promise;
      }
    } finally {
      this.ended++;
    }
  }

  #version(version: number): VersionInfo {
    return {
      version,
      state: version === 2 ? "serving" : "kept",
      config: this.#detector.config,
      madeUnixMs: 1_700_000_000_000,
      fromPosition: version,
      toPosition: version === 2 ? 0 : 2,
      events: 2 ** 40,
      eventsUntilReady: 0,
      keptState: version === 2,
      problem: "",
    };
  }
}

export const aReport: ShadowReport = {
  name: "next",
  shadowed: "cards",
  share: 0.25,
  rows: 1_234_567,
  rowsShed: 12,
  rowsBehind: 3,
  rankCorrelation: 0.93,
  bothAlert: 120,
  onlyLiveAlerts: 14,
  onlyShadowAlerts: 31,
  populationStability: 0.04,
  liveScores: [
    0, 0, 5, 80, 4000, 90_000, 400_000, 500_000, 200_000, 30_000, 9000, 1000, 400,
  ].concat([50, 20, 7, 3, 1, 1, 0]),
  shadowScores: [
    0, 0, 9, 95, 6000, 110_000, 420_000, 450_000, 200_000, 36_000, 9900, 1500, 900,
  ].concat([110, 30, 12, 7, 3, 1, 0]),
  liveRowUs: 1.42,
  shadowRowUs: 2.07,
  answered: 308_000,
  sinceUnixMs: 1_700_000_000_000,
};

export function verdict(source: Source, score: number): Verdicts {
  const verdicts = new Verdicts(1);
  verdicts.scores[0] = score;
  verdicts.sources[0] = source;
  verdicts.states[0] = State.READY;
  verdicts.rules[0] = -1;
  verdicts.durables[0] = 1;
  return verdicts;
}

export function refusalOf(code: WeirError["code"]): WeirError {
  return new WeirError(code, "NO_JOURNAL", "durability is none");
}

export const allCodes: readonly WeirError["code"][] = Object.values(Code);
