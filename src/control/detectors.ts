import { isDeepStrictEqual } from "node:util";
import type { Admission } from "../admission/admission.ts";
import { encoderState } from "../encode/state.ts";
import { normalizeSpec } from "../config/detector-spec.ts";
import { withEncoding } from "../config/detector.ts";
import { limits } from "../config/limits.ts";
import { isDiscovering, type Discovery, type Fill, type Found } from "../discovery/discovery.ts";
import { CategoryEncoding } from "../discovery/row-encoding.ts";
import type { Detector, DetectorConfig } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { notLearning } from "../shard/mender.ts";
import { recall } from "../shard/recall.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Trainer } from "../trainer/trainer.ts";
import type { Catalogue } from "../state/process-change.ts";
import { appendAll, nothingRecovered, written } from "./catalogue.ts";
import type { CatalogueJournal, Recovered } from "./catalogue.ts";
import { bringBack } from "./bring-back.ts";
import { detectorBlock } from "./detector-block.ts";
import { statusOf } from "./detector-status.ts";
import { DetectorTable } from "./detector-table.ts";
import type { DetectorStore } from "./detector-store.ts";
import { differingFields } from "./differences.ts";
import type { Neighbours } from "./neighbours.ts";
import type { DetectorStatus, Registry } from "./registry.ts";
import type { MakeOptions, Workshop } from "./workshop.ts";

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
  private readonly table: DetectorTable;
  private changes: Promise<unknown> = Promise.resolve();
  private admission: Admission | undefined;
  private discovery: Discovery | undefined;
  private neighbours: Neighbours | undefined;
  constructor(options: DetectorsOptions) {
    this.options = options;
    this.table = new DetectorTable((detector, text) => {
      const runtime = this.admission?.runtimeOf(detector);
      if (runtime !== undefined) runtime.lastError = text;
    });
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
    return this.table.find(name);
  }

  /** The detector whose state has this index in every shard. */
  at(slot: number): Detector | undefined {
    return this.table.slots.get(slot);
  }

  get(name: string): Detector {
    return this.table.get(name);
  }

  list(): readonly Detector[] {
    return this.table.list();
  }

  status(detector: Detector): DetectorStatus {
    const { shards, trainer } = this.options;
    return statusOf(detector, {
      counters: shards.counters(detector.slot),
      runtime: this.admission?.runtimeOf(detector),
      trainer,
      discovery: this.discovery,
      uncounted: this.table.uncountedOf(detector),
    });
  }

  create(name: string, config: DetectorConfig): Promise<Detector> {
    return this.change(async () => {
      const known = this.table.find(name);
      if (known !== undefined) {
        const there = this.table.declaredOf(known);
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
      this.table.show(detector);
      return detector;
    });
  }

  /**
   * Makes the detectors that are there at start: those that were stored, and those that the configuration declares. Resolves to the declarations that
   * differ from those before, of detectors whose state was brought back: nothing is done about these.
   */
  restore(
    declared: ReadonlyMap<string, DetectorConfig>,
    recovered: Recovered = nothingRecovered,
  ): Promise<ReadonlyMap<string, DetectorConfig>> {
    return this.change(async () => {
      const { table, admission, discovery, options } = this;
      const { shards, store } = options;
      const back = await bringBack(recovered, { table, shards, admission, discovery });
      this.neighbours?.bringBack(back.versions, back.learning);
      const stored = await store.load();
      // What the journal has is newer: the store is a copy for people.
      if (recovered.catalogue !== undefined) stored.clear();
      const all = new Map([...stored, ...declared]);
      if (all.size > limits.detectorsMax) {
        throw new Error(
          `${stored.size} stored and ${declared.size} declared detectors are ${all.size} together, at most ${limits.detectorsMax} fit: declare fewer, or start without the declared ones and delete some`,
        );
      }
      const changed = new Map<string, DetectorConfig>();
      for (const [name, config] of all) {
        const known = this.table.find(name);
        if (known === undefined) this.table.show(await this.make(name, config));
        else if (this.differs(known, config)) changed.set(name, config);
        if (!declared.has(name) || changed.has(name)) continue;
        this.neighbours?.noteDeclared(this.table.get(name), config);
      }
      if (all.size > 0) await this.save(this.list());
      return changed;
    });
  }

  /** What an operator did since the same declaration is no difference. */
  private differs(known: Detector, config: DetectorConfig): boolean {
    const isAsBefore = isDeepStrictEqual(this.table.declaredOf(known), config);
    return !isAsBefore && this.neighbours?.wasDeclared(known, config) !== true;
  }

  /** The shards went back to an earlier state: admission knows no more of ids and keys than they do. */
  async goBack(): Promise<void> {
    const { admission, table } = this;
    const runtimes = [...table.slots.values()].flatMap((one) => admission?.runtimeOf(one) ?? []);
    for (const runtime of runtimes) runtime.goBack();
    await this.options.shards.passed(({ views }, kernel) => {
      for (const runtime of runtimes) {
        runtime.recall(recall([{ kernel, views }], runtime.detector.slot));
      }
    });
  }

  /** A detector for the time that `use` takes. */
  async withTemporary<T>(name: string, config: DetectorConfig, use: () => Promise<T>): Promise<T> {
    this.table.temporary.add(name);
    const detector = await this.change(() => this.make(name, config));
    this.table.show(detector);
    try {
      return await use();
    } finally {
      this.table.hide(detector);
      await this.change(() => this.unmake(detector));
      this.table.temporary.delete(name);
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
    const { shards } = this.options;
    const slot = this.table.freeSlot(name);
    const plain = this.table.detectorOf(name, slot, normalizeSpec(header.spec, "the export"));
    const state = header.encoding === undefined ? undefined : encoderState.parse(header.encoding);
    const detector =
      state === undefined ? plain : withEncoding(plain, CategoryEncoding.restore(plain, state));
    this.table.slots.set(slot, detector);
    try {
      await this.createInShards(detector);
      for (const { shard, bytes } of parts) {
        // oxlint-disable-next-line no-await-in-loop -- in their order, each between two batches
        await shards.changes.change(shard, { kind: "import", slot, part: bytes });
      }
      this.admission?.runtimeOf(detector).recall(shards.recall(slot));
      this.keepEncoding(detector);
      await this.save([...this.list(), detector]);
    } catch (error) {
      await this.unmake(detector);
      if (error instanceof WeirError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw WeirError.invalid("DAMAGED", "chunk", `the state was not taken: ${why}`);
    }
    this.table.show(detector);
    return detector;
  }

  reset(name: string): Promise<Detector> {
    return this.change(async () => {
      const detector = this.get(name);
      this.neighbours?.checkReset(detector);
      if (this.discovers(detector)) return this.discoverAnew(detector);
      this.options.trainer.forget(detector);
      await this.options.shards.changes.resetDetector(detector.slot);
      this.admission?.runtimeOf(detector).forget();
      if (this.options.journal !== undefined) await written(this.options.journal);
      return detector;
    });
  }

  remove(name: string): Promise<void> {
    return this.change(async () => {
      const detector = this.get(name);
      this.neighbours?.checkRemove(detector);
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
      const { journal, shards } = this.options;
      if (this.table.find(name) !== detector) return undefined;
      const settled = this.table.detectorOf(
        name,
        slot,
        Object.freeze({ ...config, inputs }),
        encoding,
      );
      // Of an attempt that the journal lost in the middle.
      if (shards.holds(slot)) await shards.changes.deleteDetector(slot);
      await this.createInShards(settled);
      this.table.slots.set(slot, settled);
      this.table.declared.set(settled, config);
      try {
        await fill(settled, (total) => {
          this.table.uncounted.set(settled, total - shards.counters(slot).events);
          this.table.show(settled);
          this.tellFound(settled);
        });
        if (journal !== undefined) await written(journal);
      } catch (error) {
        this.table.slots.set(slot, detector);
        this.table.show(detector);
        this.options.trainer.forget(settled);
        await shards.changes.deleteDetector(slot);
        throw error;
      }
      return settled;
    });
  }

  /** Whether its columns are none of its specification; a shadow has those of its live one. */
  private discovers(detector: Detector): boolean {
    if (isDiscovering(detector)) return true;
    if (this.neighbours?.isShadow(detector) === true) return false;
    return this.table.declared.has(detector) || detector.encoding !== undefined;
  }

  /** A detector that discovers its inputs forgets them, too, when it is reset. */
  private async discoverAnew(detector: Detector): Promise<Detector> {
    const { name, slot } = detector;
    const { journal, shards, trainer } = this.options;
    if (journal?.failed === true) throw notLearning();
    const fresh = this.table.detectorOf(name, slot, this.table.declaredOf(detector));
    this.table.show(fresh);
    this.table.slots.set(slot, fresh);
    this.discovery?.forget(detector);
    trainer.forget(detector);
    this.tellFound(fresh);
    try {
      if (!isDiscovering(detector)) await shards.changes.deleteDetector(slot);
      if (journal !== undefined) await written(journal);
      detector.encoding?.leave(slot);
    } catch (error) {
      // The shards have its state again, too.
      this.table.slots.set(slot, detector);
      this.table.show(detector);
      this.discovery?.forget(fresh);
      throw error;
    }
    return fresh;
  }

  /** In one piece with each other, in the turn in which the detector is found: rows before it were kept, rows after it are its own. */
  private tellFound(detector: Detector): void {
    const { journal } = this.options;
    if (journal === undefined) return;
    if (journal.failed) throw notLearning();
    journal.together(() => {
      journal.appendProcess({ kind: "forgotten", slot: detector.slot });
      this.keepEncoding(detector);
      journal.appendProcess({ kind: "catalogue", catalogue: this.catalogueOf(this.list()) });
    });
  }

  /** What the encoding learns from now on is journaled for this detector, too. */
  private keepEncoding({ slot, encoding }: Detector): void {
    if (encoding === undefined) return;
    encoding.join(slot);
    this.options.journal?.appendProcess({ kind: "encoding", slot, state: encoding.state() });
  }

  private forgetEncoding({ slot, encoding }: Detector): void {
    if (encoding === undefined) return;
    const { journal } = this.options;
    encoding.leave(slot);
    if (journal?.failed === false) journal.appendProcess({ kind: "forgotten", slot });
  }

  /** What all encodings know, when the journal may know less. */
  tellEncodings(): void {
    for (const detector of this.table.slots.values()) this.keepEncoding(detector);
  }

  private catalogueOf(detectors: readonly Detector[]): Catalogue {
    return this.table.catalogueOf(detectors, (detector) => this.neighbours?.describe(detector));
  }

  sketch({ name, slot, encoding }: Detector, config: DetectorConfig): Detector {
    return this.table.detectorOf(name, slot, config, encoding);
  }

  show(detector: Detector): void {
    this.table.show(detector);
  }

  hide(detector: Detector): void {
    this.table.hide(detector);
  }

  versionOf(name: string): number {
    return this.table.versionOf(name);
  }

  setVersion(name: string, version: number): void {
    this.table.setVersion(name, version);
  }

  swap(live: Detector, other: Detector): { readonly live: Detector; readonly other: Detector } {
    const now = this.table.detectorOf(live.name, other.slot, other.config, other.encoding);
    const was = this.table.detectorOf(other.name, live.slot, live.config, live.encoding);
    if (this.table.find(other.name) === other) this.table.show(was);
    this.table.show(now);
    this.renew(other, now);
    this.renew(live, was);
    return { live: now, other: was };
  }

  async configure(...given: Parameters<Workshop["configure"]>): Promise<Detector> {
    const [detector, config, version, found] = given;
    const made = this.sketch(detector, config);
    const spec = this.table.slotSpec(made, version);
    await this.options.shards.changes.configureDetector(made.slot, detectorBlock(made), spec);
    this.table.show(made);
    this.renew(detector, made);
    found(made);
    return made;
  }

  /** Another object stands for the same state. */
  private renew(before: Detector, now: Detector): void {
    this.table.slots.set(now.slot, now);
    const declared = this.table.declared.get(before);
    // With the inputs that were discovered it is declared otherwise than it was.
    if (declared !== undefined && before.config === now.config)
      this.table.declared.set(now, declared);
    this.table.uncounted.set(now, this.table.uncountedOf(before));
    this.options.trainer.rename(before, now);
    this.options.shards.changes.know(now.slot, detectorBlock(now), this.table.slotSpec(now));
  }

  async save(detectors: readonly Detector[] = this.list()): Promise<void> {
    const { journal, store } = this.options;
    if (journal !== undefined) {
      await appendAll(journal, [{ kind: "catalogue", catalogue: this.catalogueOf(detectors) }]);
    }
    await store.save(
      detectors.map((detector) => ({ ...detector, config: this.table.declaredOf(detector) })),
    );
  }

  /** A detector with its state in every shard, that nobody finds yet. */
  async make(
    name: string,
    config: DetectorConfig,
    { version = this.versionOf(name), encoding }: MakeOptions = {},
  ): Promise<Detector> {
    const slot = this.table.freeSlot(name);
    const detector = this.table.detectorOf(name, slot, config, encoding);
    this.table.slots.set(slot, detector);
    if (isDiscovering(detector)) return detector;
    this.keepEncoding(detector);
    try {
      await this.createInShards(detector, version);
    } catch (error) {
      this.forgetEncoding(detector);
      this.table.slots.delete(slot);
      throw error;
    }
    return detector;
  }

  private async createInShards(detector: Detector, version?: number): Promise<void> {
    const { name, slot } = detector;
    try {
      await this.options.shards.changes.createDetector(
        slot,
        detectorBlock(detector),
        this.table.slotSpec(detector, version),
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
    if (!isDiscovering(detector)) await this.options.shards.changes.deleteDetector(slot);
    this.forgetEncoding(detector);
    this.table.slots.delete(slot);
    if (this.table.find(name) === undefined) this.options.telemetry.forgetDetector(name);
  }

  change<T>(make: () => Promise<T>): Promise<T> {
    const result = this.changes.then(make);
    this.changes = result.catch(() => undefined);
    return result;
  }
}
