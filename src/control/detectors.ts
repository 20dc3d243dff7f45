import { isDeepStrictEqual } from "node:util";
import type { Admission } from "../admission/admission.ts";
import { unknownDetector } from "../admission/admission.ts";
import { makeDetector, withEncoding } from "../config/detector.ts";
import { limits } from "../config/limits.ts";
import { isDiscovering, type Discovery, type Fill, type Found } from "../discovery/discovery.ts";
import type { Detector, DetectorConfig, RowEncoding } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { compareCodePoints } from "../shard/feature-order.ts";
import type { DetectorCounters } from "../shard/counters.ts";
import { DETECTORS_MAX } from "../shard/layout.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Trainer } from "../trainer/trainer.ts";
import { detectorBlock } from "./detector-block.ts";
import type { DetectorStore } from "./detector-store.ts";
import type { DetectorStatus, FeatureStatus, Registry } from "./registry.ts";

export interface DetectorsOptions {
  readonly shards: ShardSet;
  readonly store: DetectorStore;
  readonly telemetry: Telemetry;
  readonly trainer: Pick<Trainer, "statusOf" | "versionOf" | "forget">;
}

/** All detectors of this server. Changes are made one after the other; look-ups see them when they are complete. */
export class Detectors implements Registry {
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

  constructor(options: DetectorsOptions) {
    this.options = options;
  }

  /** The admission and the discovery whose counters `status` shows; set once by the composition root. */
  observe(admission: Admission, discovery?: Discovery): void {
    this.admission = admission;
    this.discovery = discovery;
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
          `detector "${name}" exists and differs in ${differences(there, config)}; delete it first (it forgets what it has learned), or choose another name`,
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
  restore(declared: ReadonlyMap<string, DetectorConfig>): Promise<void> {
    return this.change(async () => {
      const stored = await this.options.store.load();
      const all = new Map([...stored, ...declared]);
      if (all.size > limits.detectorsMax) {
        throw new Error(
          `${stored.size} stored and ${declared.size} declared detectors are ${all.size} together, at most ${limits.detectorsMax} fit: declare fewer, or start without the declared ones and delete some`,
        );
      }
      for (const [name, config] of all) this.byName.set(name, await this.make(name, config));
      if (declared.size > 0) await this.save(this.list());
    });
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

  reset(name: string): Promise<Detector> {
    return this.change(async () => {
      const detector = this.get(name);
      if (isDiscovering(detector) || this.declared.has(detector))
        return this.discoverAnew(detector);
      this.options.trainer.forget(detector);
      await this.options.shards.resetDetector(detector.slot);
      this.admission?.runtimeOf(detector).forget();
      return detector;
    });
  }

  remove(name: string): Promise<void> {
    return this.change(async () => {
      const detector = this.get(name);
      await this.save(this.list().filter((each) => each !== detector));
      this.byName.delete(name);
      await this.unmake(detector);
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

  private declaredOf(detector: Detector): DetectorConfig {
    return this.declared.get(detector) ?? detector.config;
  }

  private save(detectors: readonly Detector[]): Promise<void> {
    return this.options.store.save(
      detectors.map((detector) => ({ ...detector, config: this.declaredOf(detector) })),
    );
  }

  /** A detector with its state in every shard, that nobody finds yet. */
  private async make(name: string, config: DetectorConfig): Promise<Detector> {
    const slot = this.freeSlot(name);
    const detector = this.detectorOf(name, slot, config);
    this.slots.set(slot, detector);
    if (isDiscovering(detector)) return detector;
    try {
      await this.createInShards(detector);
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

  private async createInShards(detector: Detector): Promise<void> {
    const { name, slot } = detector;
    try {
      await this.options.shards.createDetector(slot, detectorBlock(detector));
    } catch (error) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "QUEUE_FULL",
        `detector "${name}" does not fit into the shards' memory; raise state_memory_mb or make its model smaller`,
        { cause: error },
      );
    }
  }

  private async unmake(detector: Detector): Promise<void> {
    const { name, slot } = detector;
    this.discovery?.forget(detector);
    this.options.trainer.forget(detector);
    if (!isDiscovering(detector)) await this.options.shards.deleteDetector(slot);
    this.slots.delete(slot);
    this.options.telemetry.forgetDetector(name);
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

  private change<T>(make: () => Promise<T>): Promise<T> {
    const result = this.changes.then(make);
    this.changes = result.catch(() => undefined);
    return result;
  }
}

function featureStatus(
  { program }: Detector,
  { rowsLate, rowsFuture, keysInPanes, heartbeatMs }: DetectorCounters,
): FeatureStatus | undefined {
  if (program === undefined) return undefined;
  const newest = Number.isFinite(heartbeatMs) ? heartbeatMs : undefined;
  return { rowsLate, rowsFuture, keysInPanes, heartbeatMs: newest };
}

/** The fields of the specification that differ, by their names in the domain. */
function differences(known: DetectorConfig, wanted: DetectorConfig): string {
  const other = new Map<string, unknown>(Object.entries(wanted));
  return Object.entries(known)
    .filter(([field, value]) => !isDeepStrictEqual(value, other.get(field)))
    .map(([field]) => field)
    .join(", ");
}
