import { describeSpec } from "../config/describe-spec.ts";
import { normalizeSpec } from "../config/detector-spec.ts";
import type { KeptVersions, VersionJson } from "../control/neighbours.ts";
import type { VersionInfo } from "../control/operations.ts";
import type { DetectorConfig, RowEncoding } from "../domain/detector.ts";
import type { Position } from "../shard/journal.ts";
import type { Stretch } from "./relay.ts";

/** A specification that a detector has, had, or is about to have. */
export interface VersionRecord {
  readonly version: number;
  config: DetectorConfig;
  readonly madeUnixMs: number;
  /** It answered from the next entry on; 0 = not yet. */
  from: Position;
  /** 0 = it still does, or has not yet. */
  to: Position;
  /** Learned from when it ended. */
  events: number;
  readonly keptState: boolean;
  /** Why it cannot be gone back to; "" = it can. */
  problem: string;
  /** Name of the file with its state; undefined = there is none. */
  file: string | undefined;
  /** Where its state is, or was. */
  slot: number;
}

/** Why a version cannot be gone back to that a promotion gave another name. */
export const isNow = (name: string): string => `it is "${name}" now; promote that to go back`;

/** Stretches that are remembered: one for each time that another version answered. */
const STRETCHES_MAX = 100;

/** The versions of one detector, the oldest first. */
export class Lineage {
  records: VersionRecord[] = [];
  /** What answered when, the oldest first. */
  stretches: Stretch[] = [];
  /** Of the version that answers. */
  serving = 1;
  /** Of the version that learns beside it; undefined = none does. */
  learning: number | undefined;

  /** What the configuration declared last; undefined = it did not. */
  declared: DetectorConfig | undefined;
  /** What encodes the rows now; undefined = nothing does. */
  encoding: RowEncoding | undefined;
  /** From behind this entry on; 0 = always. Rows before have other codes. */
  encodedSince: Position = 0;

  /** Of the next one that is made. */
  get next(): number {
    return Math.max(0, ...this.records.map(({ version }) => version)) + 1;
  }

  get(version: number): VersionRecord | undefined {
    return this.records.find((record) => record.version === version);
  }

  get servingRecord(): VersionRecord | undefined {
    return this.get(this.serving);
  }

  /** The newest before the one that answers that can be gone back to, or else the newest before it. */
  get before(): VersionRecord | undefined {
    const others = this.kept.toReversed();
    return others.find(({ problem }) => problem === "") ?? others[0];
  }

  /** Those that neither answer nor learn. */
  get kept(): readonly VersionRecord[] {
    return this.records.filter(({ version }) => {
      return version !== this.serving && version !== this.learning;
    });
  }

  /** A version answers from the entry behind `after` on. */
  serve({ version, slot }: VersionRecord, after: Position): void {
    const before = this.stretches.at(-1);
    // Where it has the same slot its last rows cannot be told from the first ones of this.
    if (before !== undefined && before.slot === slot) before.until = after;
    this.serving = version;
    this.stretches.push({ slot, after, until: 0, version });
    if (this.stretches.length > STRETCHES_MAX) this.stretches.shift();
  }

  /** All rows of a slot that answered before are in the journal, up to here. */
  retire(slot: number, until: Position): void {
    const stretch = this.stretches.findLast((each) => each.slot === slot && each.until === 0);
    if (stretch !== undefined) stretch.until = until;
  }

  /** What went on under another name does not any more. */
  wentOn(name: string, problem: string): void {
    for (const record of this.records) if (record.problem === isNow(name)) record.problem = problem;
  }

  /** What encodes the rows behind an entry. */
  encodedBy(encoding: RowEncoding | undefined, after: Position): void {
    if (this.encoding === encoding) return;
    this.encoding = encoding;
    this.encodedSince = after;
  }

  remove(record: VersionRecord): void {
    this.records = this.records.filter((each) => each !== record);
  }

  /** `events` and `eventsUntilReady` of those that still learn. */
  info(
    record: VersionRecord,
    now: { readonly events: number; readonly eventsUntilReady: number },
  ): VersionInfo {
    const { version, config, madeUnixMs, from, to, keptState, problem } = record;
    const isServing = version === this.serving;
    const isLearning = version === this.learning;
    return {
      version,
      state: isServing ? "serving" : isLearning ? "learning" : "kept",
      config,
      madeUnixMs,
      fromPosition: from,
      toPosition: to,
      events: isServing || isLearning ? now.events : record.events,
      eventsUntilReady: isLearning ? now.eventsUntilReady : 0,
      keptState,
      problem: isServing ? "" : problem,
    };
  }

  toJson(): readonly VersionJson[] {
    return this.records.map(({ config, file, ...rest }) => ({
      ...rest,
      spec: describeSpec(config),
      ...(file === undefined ? {} : { file }),
    }));
  }

  static fromJson(
    { history = [], stretches = [], encodedSince = 0, declared }: KeptVersions,
    serving: number,
    name: string,
  ): Lineage {
    const lineage = new Lineage();
    lineage.stretches = stretches.map((stretch) => ({ ...stretch }));
    lineage.serving = serving;
    lineage.encodedSince = encodedSince;
    const configOf = (spec: unknown): DetectorConfig =>
      normalizeSpec(spec, `the journal: detectors.${name}`);
    lineage.declared = declared === undefined ? undefined : configOf(declared);
    lineage.records = history.map(({ spec, file, ...rest }) => ({
      ...rest,
      file,
      config: configOf(spec),
    }));
    return lineage;
  }
}
