import type { Workshop } from "../control/workshop.ts";
import type { Clock } from "../domain/clock.ts";
import type { Detector, DetectorConfig } from "../domain/detector.ts";
import type { Position } from "../shard/journal.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import { Lineage } from "./lineage.ts";
import type { VersionRecord } from "./lineage.ts";
import type { VersionStore } from "./version-store.ts";

export interface LineagesOptions {
  readonly workshop: Workshop;
  readonly shards: ShardSet;
  readonly clock: Clock;
  readonly store: VersionStore | undefined;
}

/** The lives of all detectors, and how one version follows another. */
export class Lineages {
  readonly byName = new Map<string, Lineage>();
  private readonly options: LineagesOptions;

  constructor(options: LineagesOptions) {
    this.options = options;
  }

  /** Of a detector's life so far; its first version when nothing is known of it. */
  of(detector: Detector, config: DetectorConfig = detector.config): Lineage {
    const known = this.byName.get(detector.name);
    if (known !== undefined) return known;
    const lineage = new Lineage();
    lineage.encoding = detector.encoding;
    const version = this.options.workshop.versionOf(detector.name);
    const record: VersionRecord = {
      version,
      config,
      madeUnixMs: this.options.clock.unixMs(),
      slot: detector.slot,
      from: this.newest,
      to: 0,
      events: 0,
      keptState: false,
      problem: "",
      file: undefined,
    };
    lineage.records.push(record);
    lineage.serve(record, record.from);
    this.byName.set(detector.name, lineage);
    return lineage;
  }

  // oxlint-disable-next-line max-params -- what, and from where on
  answers(
    name: string,
    lineage: Lineage,
    record: VersionRecord,
    from: { readonly at: Position; readonly slot: number },
  ): void {
    record.from = from.at;
    record.to = 0;
    record.slot = from.slot;
    lineage.serve(record, from.at);
    this.options.workshop.setVersion(name, record.version);
  }

  begin(
    live: Detector,
    lineage: Lineage,
    what: { readonly version: number; readonly keptState: boolean; readonly at: Position },
  ): void {
    const { version, keptState, at } = what;
    const record: VersionRecord = {
      version,
      keptState,
      from: at,
      to: 0,
      events: 0,
      problem: "",
      file: undefined,
      config: live.config,
      madeUnixMs: this.options.clock.unixMs(),
      slot: live.slot,
    };
    lineage.records.push(record);
    this.answers(live.name, lineage, record, { at, slot: live.slot });
  }

  end(record: VersionRecord, at: Position, was: Detector, events?: number): void {
    record.to = at;
    record.slot = was.slot;
    record.events = events ?? this.options.shards.counters(was.slot).events;
  }

  forget(name: string): void {
    const lineage = this.byName.get(name);
    this.byName.delete(name);
    for (const { file } of lineage?.records ?? []) {
      if (file !== undefined) this.options.store?.remove(file);
    }
  }

  /** Of the journal; 0 = there is none. */
  get newest(): Position {
    return this.options.store?.journal.newest ?? 0;
  }
}
