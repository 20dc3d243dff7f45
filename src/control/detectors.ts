import { isDeepStrictEqual } from "node:util";
import type { Admission } from "../admission/admission.ts";
import { unknownDetector } from "../admission/admission.ts";
import { encoderState } from "../encode/state.ts";
import { describeSpec } from "../config/describe-spec.ts";
import { normalizeSpec } from "../config/detector-spec.ts";
import { makeDetector, withEncoding } from "../config/detector.ts";
import { limits } from "../config/limits.ts";
import { isDiscovering, type Discovery, type Fill, type Found } from "../discovery/discovery.ts";
import { CategoryEncoding } from "../discovery/row-encoding.ts";
import type { Detector, DetectorConfig, RowEncoding } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { compareCodePoints } from "../shard/feature-order.ts";
import type { DetectorCounters } from "../shard/counters.ts";
import { DETECTORS_MAX } from "../shard/layout.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Trainer } from "../trainer/trainer.ts";
import type { SlotSpec } from "../shard/journal.ts";
import type { Catalogue } from "../state/process-change.ts";
import { appendAll, catalogueEntry, configsOf, written } from "./catalogue.ts";
import type { CatalogueJournal, Recovered } from "./catalogue.ts";
import { detectorBlock } from "./detector-block.ts";
import type { DetectorStore } from "./detector-store.ts";
import { differingFields } from "./differences.ts";
import { hiddenIn } from "./neighbours.ts";
import type { Neighbours } from "./neighbours.ts";
import type { DetectorStatus, FeatureStatus, Registry } from "./registry.ts";
import type { Workshop } from "./workshop.ts";

export interface DetectorsOptions {
  readonly shards: ShardSet;
  readonly store: DetectorStore;
  readonly telemetry: Telemetry;
  readonly trainer: Pick<Trainer, "statusOf" | "versionOf" | "forget" | "rename">;
  /** Where changes go before they count; absent = the store alone keeps them. */
  readonly journal?: CatalogueJournal | undefined;
}

/** All detectors of this server. Changes are made one after the other; look-ups see them when they are complete. */
export class Detectors implements Registry, Workshop {
  private readonly options: DetectorsOptions;
  private readonly byName = new Map<string, Detector>();
  private readonly slots = new Map<number, Detector>();
  /** Weir's own, for as long as it warms up: never listed, never stored. */
  private readonly temporary = new Set<string>();
  private changes: Promise<unknown> = Promise.resolve();
  private admission: Admission | undefined;
  private discovery: Discovery | undefined;
  /** Of detectors that discovered their inputs: the configuration without them, which is what is stored, compared and reset to. */
  private readonly declared = new WeakMap<Detector, DetectorConfig>();
  /** Rows of such detectors that came before their inputs were known and that no shard has counted. */
  private readonly uncounted = new WeakMap<Detector, number>();
  /** Of the specification that each serves by, by name; absent = 1. */
  private readonly versions = new Map<string, number>();
  private neighbours: Neighbours | undefined;
  /** What was kept of versions and shadows before a restart, by name, and the versions that were still learning then. */
  private readonly keptVersions = new Map<string, unknown>();
  private readonly keptLearning = new Map<string, Detector>();

  constructor(options: DetectorsOptions) {
    this.options = options;
  }

  /** The admission and the discovery whose counters `status` shows; set once by the composition root. */
  observe(admission: Admission, discovery?: Discovery): void {
    this.admission = admission;
    this.discovery = discovery;
  }

  /** The shadows and versions beside the detectors; set once by the composition root. */
  standBeside(neighbours: Neighbours): void {
    this.neighbours = neighbours;
  }

  find(name: string): Detector | undefined {
    return this.byName.get(name);
  }

  /** The detector whose state has this index in every shard. */
  at(slot: number): Detector | undefined {
    return this.slots.get(slot);
  }

  get(name: string): Detector {
    const detector = this.byName.get(name);
    if (detector === undefined) throw unknownDetector(name);
    return detector;
  }

  list(): readonly Detector[] {
    return [...this.byName.values()]
      .filter(({ name }) => !this.temporary.has(name))
      .toSorted((a, b) => compareCodePoints(a.name, b.name));
  }

  status(detector: Detector): DetectorStatus {
    const counters = this.options.shards.counters(detector.slot);
    const runtime = this.admission?.runtimeOf(detector);
    const trained = this.options.trainer.statusOf(detector);
    const lastError = trained?.lastError ?? "";
    const status = {
      events: counters.events + (this.uncounted.get(detector) ?? 0),
      keys: counters.keys,
      anomalies: counters.anomalies,
      fallbacks: runtime?.fallbacks ?? 0,
      modelVersion: this.options.trainer.versionOf(detector),
      stateBytes: counters.stateBytes,
      schema: detector.schema,
      training: trained?.training,
      features: featureStatus(detector, counters),
      lastError: lastError === "" ? (runtime?.lastError ?? "") : lastError,
    };
    return isDiscovering(detector) ? this.withKeptRows(detector, status) : status;
  }

  /** A detector that discovers its inputs has its rows elsewhere than in the shards. */
  private withKeptRows(detector: Detector, status: DetectorStatus): DetectorStatus {
    const kept = this.discovery?.status(detector);
    if (kept === undefined || status.training === undefined) return status;
    return { ...status, events: kept.total, training: { ...status.training, ...kept.training } };
  }

  create(name: string, config: DetectorConfig): Promise<Detector> {
    return this.change(async () => {
      const known = this.byName.get(name);
      if (known !== undefined) {
        const there = this.declaredOf(known);
        if (isDeepStrictEqual(there, config)) return known;
        throw new WeirError(
          Code.ALREADY_EXISTS,
          "DETECTOR_EXISTS",
          `detector "${name}" exists and differs in ${differingFields(there, config).join(", ")}; delete it first (it forgets what it has learned), or choose another name`,
        );
      }
      const detector = await this.make(name, config);
      try {
        await this.save([...this.list(), detector]);
      } catch (error) {
        await this.unmake(detector);
        throw error;
      }
      this.byName.set(name, detector);
      return detector;
    });
  }

  /**
   * Makes the detectors that are there at start: those that were stored, and over them those that the configuration declares.
   */
  restore(
    declared: ReadonlyMap<string, DetectorConfig>,
    recovered: Recovered = nothingRecovered,
  ): Promise<void> {
    return this.change(async () => {
      await this.bringBack(recovered);
      this.neighbours?.bringBack(this.keptVersions, this.keptLearning);
      const stored = await this.options.store.load();
      // What the journal has is newer: the store is a copy for people.
      if (recovered.catalogue !== undefined) stored.clear();
      const all = new Map([...stored, ...declared]);
      if (all.size > limits.detectorsMax) {
        throw new Error(
          `${stored.size} stored and ${declared.size} declared detectors are ${all.size} together, at most ${limits.detectorsMax} fit: declare fewer, or start without the declared ones and delete some`,
        );
      }
      for (const [name, config] of all) await this.declare(name, config);
      if (all.size > 0) await this.save(this.list());
    });
  }

  /** A detector of the configuration: new, or as it was, or anew where it was declared differently. */
  private async declare(name: string, config: DetectorConfig): Promise<void> {
    const known = this.byName.get(name);
    if (known !== undefined) {
      if (isDeepStrictEqual(this.declaredOf(known), config)) return;
      // It was updated since: what an operator did last counts.
      if (this.neighbours?.hasHad(known, config) === true) return;
      const gone = [...(this.neighbours?.dependents(known) ?? []), known];
      for (const each of gone) this.hide(each);
      for (const each of gone) await this.unmake(each);
    }
    this.byName.set(name, await this.make(name, config));
  }

  /** The detectors whose state the shards have already; what is left of others in the shards goes. */
  private async bringBack({ catalogue, encodings, kept }: Recovered): Promise<void> {
    const { shards } = this.options;
    for (const entry of catalogue?.detectors ?? []) {
      const { name, slot } = entry;
      const { declared, config } = configsOf(entry);
      const plain = this.detectorOf(name, slot, config);
      const state = entry.discovered === undefined ? undefined : encodings.get(slot);
      const encoding = state === undefined ? undefined : CategoryEncoding.restore(plain, state);
      const detector = encoding === undefined ? plain : withEncoding(plain, encoding);
      this.slots.set(slot, detector);
      this.byName.set(name, detector);
      this.versions.set(name, entry.version);
      if (entry.versions !== undefined) this.keptVersions.set(name, entry.versions);
      this.bringBackLearning(name, entry.versions);
      if (entry.discovered !== undefined) this.declared.set(detector, declared);
      this.uncounted.set(detector, entry.uncounted ?? 0);
      if (isDiscovering(detector)) {
        const rows = kept.get(slot);
        if (rows !== undefined) this.discovery?.restore(detector, rows.rows, rows.total);
      } else {
        shards.know(slot, detectorBlock(detector), this.slotSpec(detector));
        this.admission?.runtimeOf(detector).recall(shards.recall(slot));
      }
    }
    for (let slot = 0; slot < DETECTORS_MAX; slot++) {
      const detector = this.slots.get(slot);
      const wanted = detector !== undefined && !isDiscovering(detector);
      if (shards.holds(slot) && !wanted) await shards.deleteDetector(slot);
      if (detector !== undefined && !wanted) this.discovery?.resume(detector);
    }
    await shards.windowModels.dropTaken();
  }

  /** A version that learns beside the one that serves. */
  private bringBackLearning(name: string, kept: unknown): void {
    const hidden = hiddenIn(kept, name);
    if (hidden === undefined) return;
    const { shards } = this.options;
    const detector = this.detectorOf(name, hidden.slot, hidden.config);
    this.slots.set(hidden.slot, detector);
    this.keptLearning.set(name, detector);
    shards.know(hidden.slot, detectorBlock(detector), this.slotSpec(detector, hidden.version));
    this.admission?.runtimeOf(detector).recall(shards.recall(hidden.slot));
  }

  /** What the journal says of a slot, for its readers. */
  private slotSpec(detector: Detector, version = this.versionOf(detector.name)): string {
    const { name, config, encoding } = detector;
    const spec: SlotSpec = {
      name,
      version,
      spec: describeSpec(config),
      ...(encoding === undefined ? {} : { encoded: encoding.columns }),
    };
    return JSON.stringify(spec);
  }

  /** A detector for the time that `use` takes. */
  async withTemporary<T>(name: string, config: DetectorConfig, use: () => Promise<T>): Promise<T> {
    this.temporary.add(name);
    const detector = await this.change(() => this.make(name, config));
    this.byName.set(name, detector);
    try {
      return await use();
    } finally {
      this.byName.delete(name);
      await this.change(() => this.unmake(detector));
      this.temporary.delete(name);
    }
  }

  /**
   * A detector that another server exported, with what it has learned; in a `change`. Where it rejects, nothing of it is there: INVALID_SPEC, DAMAGED (the
   * state is no such detector's), or as `create`.
   */
  async takeIn(
    name: string,
    header: { readonly spec: unknown; readonly encoding?: unknown },
    parts: Iterable<{ readonly shard: number; readonly bytes: Uint8Array }>,
  ): Promise<Detector> {
    const { journal, shards } = this.options;
    const slot = this.freeSlot(name);
    const plain = this.detectorOf(name, slot, normalizeSpec(header.spec, "the export"));
    const state = header.encoding === undefined ? undefined : encoderState.parse(header.encoding);
    const detector =
      state === undefined ? plain : withEncoding(plain, CategoryEncoding.restore(plain, state));
    this.slots.set(slot, detector);
    try {
      await this.createInShards(detector);
      for (const { shard, bytes } of parts) {
        // oxlint-disable-next-line no-await-in-loop -- in their order, each between two batches
        await shards.change(shard, { kind: "import", slot, part: bytes });
      }
      this.admission?.runtimeOf(detector).recall(shards.recall(slot));
      if (state !== undefined) journal?.appendProcess({ kind: "encoding", slot, state });
      await this.save([...this.list(), detector]);
    } catch (error) {
      await this.unmake(detector);
      if (error instanceof WeirError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw WeirError.invalid("DAMAGED", "chunk", `the state was not taken: ${why}`);
    }
    this.byName.set(name, detector);
    return detector;
  }

  reset(name: string): Promise<Detector> {
    return this.change(async () => {
      const detector = this.get(name);
      this.neighbours?.checkReset(detector);
      if (isDiscovering(detector) || this.declared.has(detector))
        return this.discoverAnew(detector);
      this.options.trainer.forget(detector);
      await this.options.shards.resetDetector(detector.slot);
      this.admission?.runtimeOf(detector).forget();
      if (this.options.journal !== undefined) await written(this.options.journal);
      return detector;
    });
  }

  remove(name: string): Promise<void> {
    return this.change(async () => {
      const detector = this.get(name);
      const gone = [...(this.neighbours?.dependents(detector) ?? []), detector];
      await this.save(this.list().filter((each) => !gone.includes(each)));
      for (const each of gone) this.hide(each);
      for (const each of gone) await this.unmake(each);
    });
  }

  /**
   * Makes the detector that `detector` has discovered to be, with its state in every shard; `fill` gives it the rows that were kept
   * and decides from when on it is found. Undefined when `detector` is gone.
   */
  settle(
    detector: Detector,
    { inputs, encoding }: Found,
    fill: Fill,
  ): Promise<Detector | undefined> {
    return this.change(async () => {
      const { name, slot, config } = detector;
      if (this.byName.get(name) !== detector) return undefined;
      const settled = this.detectorOf(name, slot, Object.freeze({ ...config, inputs }), encoding);
      await this.createInShards(settled);
      this.slots.set(slot, settled);
      this.declared.set(settled, config);
      try {
        await fill(settled, (total) => {
          this.uncounted.set(settled, total - this.options.shards.counters(slot).events);
          this.byName.set(name, settled);
          this.tellSettled(settled);
        });
      } catch (error) {
        this.slots.set(slot, detector);
        this.options.trainer.forget(settled);
        await this.options.shards.deleteDetector(slot);
        throw error;
      }
      return settled;
    });
  }

  /** A detector that discovers its inputs forgets them, too, when it is reset. */
  private async discoverAnew(detector: Detector): Promise<Detector> {
    const { name, slot } = detector;
    const fresh = this.detectorOf(name, slot, this.declaredOf(detector));
    this.byName.set(name, fresh);
    this.slots.set(slot, fresh);
    this.discovery?.forget(detector);
    this.options.trainer.forget(detector);
    if (!isDiscovering(detector)) await this.options.shards.deleteDetector(slot);
    return fresh;
  }

  /** In one piece with each other, in the turn in which the detector is found: rows before it were kept, rows after it are its own. */
  private tellSettled(settled: Detector): void {
    const { journal } = this.options;
    if (journal === undefined || journal.failed) return;
    const { slot, encoding } = settled;
    journal.together(() => {
      journal.appendProcess({ kind: "forgotten", slot });
      const state = encoding?.state();
      if (state !== undefined) journal.appendProcess({ kind: "encoding", slot, state });
      journal.appendProcess({ kind: "catalogue", catalogue: this.catalogueOf(this.list()) });
    });
  }

  private catalogueOf(detectors: readonly Detector[]): Catalogue {
    return {
      detectors: detectors.map((detector) =>
        catalogueEntry(detector, this.declaredOf(detector), {
          version: this.versionOf(detector.name),
          uncounted: this.uncounted.get(detector) ?? 0,
          versions: this.neighbours?.describe(detector),
        }),
      ),
    };
  }

  private declaredOf(detector: Detector): DetectorConfig {
    return this.declared.get(detector) ?? detector.config;
  }

  sketch({ name, slot, encoding }: Detector, config: DetectorConfig): Detector {
    return this.detectorOf(name, slot, config, encoding);
  }

  show(detector: Detector): void {
    this.byName.set(detector.name, detector);
  }

  hide(detector: Detector): void {
    const { name } = detector;
    if (this.byName.get(name) !== detector) return;
    this.byName.delete(name);
    this.versions.delete(name);
  }

  versionOf(name: string): number {
    return this.versions.get(name) ?? 1;
  }

  setVersion(name: string, version: number): void {
    this.versions.set(name, version);
  }

  swap(live: Detector, other: Detector): { readonly live: Detector; readonly other: Detector } {
    const now = this.detectorOf(live.name, other.slot, other.config);
    const was = this.detectorOf(other.name, live.slot, live.config);
    if (this.byName.get(other.name) === other) this.byName.set(other.name, was);
    this.byName.set(live.name, now);
    this.renew(other, now);
    this.renew(live, was);
    return { live: now, other: was };
  }

  async configure(...given: Parameters<Workshop["configure"]>): Promise<Detector> {
    const [detector, config, version, found] = given;
    const { name, slot, encoding } = detector;
    const made = this.detectorOf(name, slot, config, encoding);
    const spec = this.slotSpec(made, version);
    await this.options.shards.configureDetector(slot, detectorBlock(made), spec);
    this.byName.set(name, made);
    this.renew(detector, made);
    found(made);
    return made;
  }

  /** Another object stands for the same state. */
  private renew(before: Detector, now: Detector): void {
    this.slots.set(now.slot, now);
    const declared = this.declared.get(before);
    // With the inputs that were discovered it is declared otherwise than it was.
    if (declared !== undefined && before.config === now.config) this.declared.set(now, declared);
    this.uncounted.set(now, this.uncounted.get(before) ?? 0);
    this.options.trainer.rename(before, now);
    this.options.shards.know(now.slot, detectorBlock(now), this.slotSpec(now));
  }

  async save(detectors: readonly Detector[] = this.list()): Promise<void> {
    const { journal, store } = this.options;
    if (journal !== undefined) {
      await appendAll(journal, [{ kind: "catalogue", catalogue: this.catalogueOf(detectors) }]);
    }
    await store.save(
      detectors.map((detector) => ({ ...detector, config: this.declaredOf(detector) })),
    );
  }

  /** A detector with its state in every shard, that nobody finds yet. */
  async make(
    name: string,
    config: DetectorConfig,
    version = this.versionOf(name),
  ): Promise<Detector> {
    const slot = this.freeSlot(name);
    const detector = this.detectorOf(name, slot, config);
    this.slots.set(slot, detector);
    if (isDiscovering(detector)) return detector;
    try {
      await this.createInShards(detector, version);
    } catch (error) {
      this.slots.delete(slot);
      throw error;
    }
    return detector;
  }

  // oxlint-disable-next-line max-params -- what a detector is made of
  private detectorOf(
    name: string,
    slot: number,
    config: DetectorConfig,
    encoding?: RowEncoding,
  ): Detector {
    const made = makeDetector(name, slot, config, (rule) => {
      const runtime = this.admission?.runtimeOf(detector);
      if (runtime !== undefined) {
        runtime.lastError = `rule "${config.rules[rule]?.name}" could not be evaluated for a row and did not hold: an input that it uses was missing, or a value did not fit`;
      }
    });
    const detector = encoding === undefined ? made : withEncoding(made, encoding);
    return detector;
  }

  private async createInShards(detector: Detector, version?: number): Promise<void> {
    const { name, slot } = detector;
    try {
      await this.options.shards.createDetector(
        slot,
        detectorBlock(detector),
        this.slotSpec(detector, version),
      );
    } catch (error) {
      if (error instanceof WeirError) throw error;
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "QUEUE_FULL",
        `detector "${name}" does not fit into the shards' memory; raise state_memory_mb or make its model smaller`,
        { cause: error },
      );
    }
  }

  async unmake(detector: Detector): Promise<void> {
    const { name, slot } = detector;
    this.discovery?.forget(detector);
    this.options.trainer.forget(detector);
    if (!isDiscovering(detector)) await this.options.shards.deleteDetector(slot);
    this.slots.delete(slot);
    if (!this.byName.has(name)) this.options.telemetry.forgetDetector(name);
  }

  private freeSlot(name: string): number {
    const hasRoom = this.temporary.has(name) || this.list().length < limits.detectorsMax;
    const last = hasRoom ? DETECTORS_MAX : 0;
    for (let slot = 0; slot < last; slot++) if (!this.slots.has(slot)) return slot;
    throw new WeirError(
      Code.RESOURCE_EXHAUSTED,
      "TOO_MANY_DETECTORS",
      `there are ${limits.detectorsMax} detectors, the limit; delete one first`,
    );
  }

  change<T>(make: () => Promise<T>): Promise<T> {
    const result = this.changes.then(make);
    this.changes = result.catch(() => undefined);
    return result;
  }
}

const nothingRecovered: Recovered = {
  catalogue: undefined,
  encodings: new Map(),
  kept: new Map(),
};

function featureStatus(
  { program }: Detector,
  { rowsLate, rowsFuture, keysInPanes, heartbeatMs }: DetectorCounters,
): FeatureStatus | undefined {
  if (program === undefined) return undefined;
  const newest = Number.isFinite(heartbeatMs) ? heartbeatMs : undefined;
  return { rowsLate, rowsFuture, keysInPanes, heartbeatMs: newest };
}
