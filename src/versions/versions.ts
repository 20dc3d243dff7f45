import { isDeepStrictEqual } from "node:util";
import type { Admission } from "../admission/admission.ts";
import { describeSpec } from "../config/describe-spec.ts";
import type { Neighbours, KeptVersions } from "../control/neighbours.ts";
import { keptVersions } from "../control/neighbours.ts";
import type { VersionInfo } from "../control/operations.ts";
import type { Workshop } from "../control/workshop.ts";
import { isDiscovering } from "../discovery/discovery.ts";
import type { Clock } from "../domain/clock.ts";
import { isWindowModel } from "../domain/detector.ts";
import type { Detector, DetectorConfig } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import type { Position } from "../shard/journal.ts";
import { recall } from "../shard/recall.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { Shadow } from "../shadow/shadow.ts";
import type { Shadows } from "../shadow/shadows.ts";
import { checkRowsFit, mayKeepState, withKnownInputs } from "./fits.ts";
import { Lineage } from "./lineage.ts";
import type { VersionRecord } from "./lineage.ts";
import { CatchUp } from "./catch-up.ts";
import { Relay } from "./relay.ts";
import { stateFileOf } from "./version-store.ts";
import type { VersionStore } from "./version-store.ts";

export interface VersionsOptions {
  readonly workshop: Workshop;
  readonly shadows: Shadows;
  readonly admission: Pick<Admission, "runtimeOf">;
  readonly shards: ShardSet;
  readonly clock: Clock;
  /** Versions of a detector that can be gone back to. */
  readonly kept: number;
  /** Undefined = nothing is kept on disk: settings and specifications can be changed, and no state can be gone back to. */
  readonly store: VersionStore | undefined;
  readonly log: {
    info(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

/** A version that learns beside the one that serves. */
interface Learning {
  readonly detector: Detector;
  /** Undefined = it is fed what the journal has, and sees no new rows yet. */
  shadow: Shadow | undefined;
  /** It is not looked at any more, and not fed by the journal. */
  cancel: () => void;
}

interface Replay {
  readonly live: Detector;
  readonly detector: Detector;
  readonly record: VersionRecord;
  readonly lineage: Lineage;
  readonly after: Position;
}

/** How often it is looked whether a version is ready, ms. */
const LOOK_MS = 50;
const NO_STORE = "its state is not on disk: durability is none";

/** The specifications that detectors have had, and their way from one to the next. */
export class Versions implements Neighbours {
  private readonly options: VersionsOptions;
  private readonly lineages = new Map<string, Lineage>();
  private readonly learning = new Map<string, Learning>();
  private readonly exports = new Set<Promise<void>>();
  private closed = false;

  constructor(options: VersionsOptions) {
    this.options = options;
  }

  list(name: string): readonly VersionInfo[] {
    const live = this.options.workshop.get(name);
    const lineage = this.of(live);
    return lineage.records.toReversed().map((record) => this.info(live, lineage, record));
  }

  update(name: string, config: DetectorConfig): Promise<VersionInfo> {
    const { workshop } = this.options;
    return workshop.change(async () => {
      const live = workshop.get(name);
      this.checkCanChange(live);
      const given = withKnownInputs(live, config);
      const lineage = this.of(live);
      const newest = lineage.get(lineage.learning ?? lineage.serving);
      if (newest !== undefined && isDeepStrictEqual(newest.config, given)) {
        return this.info(live, lineage, newest);
      }
      checkRowsFit(live, given);
      this.checkShadowsFit(live, given);
      await this.giveUp(live);
      if (isDeepStrictEqual(live.config, given)) {
        await workshop.save();
        return this.served(name);
      }
      if (mayKeepState(live, workshop.sketch(live, given))) {
        const made = await this.configure(live, given);
        if (made) return this.served(name);
      }
      return this.learn(live, given);
    });
  }

  /** Back to a version that is kept, with the state that it had, or `replay`: with what it would have learned since, when it has. */
  async rollback(name: string, version: number, replay = false): Promise<VersionInfo> {
    const { workshop } = this.options;
    // The state of the one before may be on its way to the disk.
    await Promise.all(this.exports);
    return workshop.change(async () => {
      const live = workshop.get(name);
      this.checkCanChange(live);
      const lineage = this.of(live);
      if (version === lineage.serving) {
        await this.giveUp(live);
        return this.served(name);
      }
      const record = this.toGoBackTo(live, lineage, version);
      await this.giveUp(live);
      const { detector, position } = await this.load(live, record);
      if (replay) return this.replay(live, detector, record, position);
      this.replace(live, detector, record);
      await workshop.save();
      return this.served(name);
    });
  }

  /** What was there before a restart; a version that was still learning goes on, and is judged anew. */
  bringBack(kept: ReadonlyMap<string, unknown>, learning: ReadonlyMap<string, Detector>): void {
    const { workshop, shadows } = this.options;
    for (const [name, json] of kept) {
      const { history, shadowOf, share = 0 } = keptVersions(json);
      const detector = workshop.find(name);
      if (detector === undefined) continue;
      if (history !== undefined) {
        const lineage = Lineage.fromJson(keptVersions(json), workshop.versionOf(name), name);
        this.lineages.set(name, lineage);
        for (const record of lineage.kept) {
          if (record.problem === "" && record.file === undefined) {
            record.problem = "the server stopped before its state was written";
          }
        }
      }
      const live = shadowOf === undefined ? undefined : workshop.find(shadowOf);
      if (live !== undefined) shadows.bringBack(live, detector, share);
    }
    for (const [name, detector] of learning) {
      const live = workshop.find(name);
      const lineage = this.lineages.get(name);
      const version = keptVersions(kept.get(name)).learning?.version;
      if (live === undefined || lineage === undefined || version === undefined) continue;
      lineage.learning = version;
      this.watch(live.name, shadows.attach(live, detector));
    }
  }

  /** A shadow has taken the place of its live one: both names have a new version. */
  promoted(live: Detector, shadow: Detector): void {
    const at = this.newest;
    for (const [now, was] of [
      [live, shadow],
      [shadow, live],
    ] as const) {
      const lineage = this.of(was.name === now.name ? was : now, was.config);
      const before = lineage.servingRecord;
      if (before !== undefined) {
        const { slot } = was;
        // What comes for the slot later is the shadow's; who was admitted before is still the live one's.
        void this.options.shards.passed().then(
          () => lineage.retire(slot, this.newest),
          () => undefined,
        );
        before.problem = `it is "${was.name}" now; promote that to go back`;
        this.end(before, at, was);
      }
      this.begin(now, lineage, { version: lineage.next, keptState: true, at });
    }
  }

  hasHad({ name }: Detector, config: DetectorConfig): boolean {
    const lineage = this.lineages.get(name);
    return lineage?.records.some((record) => isDeepStrictEqual(record.config, config)) ?? false;
  }

  dependents(detector: Detector): readonly Detector[] {
    const { shadows } = this.options;
    const gone = shadows.shadowsOf(detector).map((shadow) => shadow.detector);
    const learning = this.learning.get(detector.name);
    if (learning !== undefined && workshopFinds(this.options.workshop, detector)) {
      gone.push(learning.detector);
      this.stopLearning(detector.name);
    }
    for (const each of [...gone, detector]) {
      shadows.forget(each);
      this.forget(each.name);
    }
    return gone;
  }

  checkReset(detector: Detector): void {
    if (this.options.shadows.isShadowed(detector)) {
      throw refused(
        detector,
        "has shadows or a version that is learning, which see what it sees; stop them before it forgets everything",
      );
    }
  }

  describe(detector: Detector): KeptVersions {
    const { shadows } = this.options;
    const shadow = shadows.known(detector.name);
    const lineage = this.of(detector);
    // Inputs may have been discovered since.
    const serving = lineage.servingRecord;
    if (serving !== undefined) serving.config = detector.config;
    const learning = this.learning.get(detector.name);
    const { learning: version } = lineage;
    return {
      ...(shadow === undefined ? {} : { shadowOf: shadow.live.name, share: shadow.share }),
      history: lineage.toJson(),
      stretches: lineage.stretches,
      // One that is being replayed to now is given up by a restart: it is kept as it was.
      ...(learning?.shadow === undefined ||
      version === undefined ||
      lineage.get(version)?.file !== undefined
        ? {}
        : {
            learning: {
              slot: learning.detector.slot,
              version,
              spec: describeSpec(learning.detector.config),
            },
          }),
    };
  }

  /** What is being written to disk is waited for; nothing more is begun. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { cancel } of this.learning.values()) cancel();
    await Promise.all(this.exports);
  }

  private async configure(live: Detector, config: DetectorConfig): Promise<boolean> {
    const { workshop, admission, shadows, shards } = this.options;
    const lineage = this.of(live);
    const version = lineage.next;
    const at = this.newest;
    const { events } = shards.counters(live.slot);
    let made: Detector;
    try {
      made = await workshop.configure(live, config, version);
    } catch (error) {
      if (error instanceof WeirError) throw error;
      return false;
    }
    shadows.renamed(live, made);
    const shadow = shadows.known(live.name);
    admission.runtimeOf(made).reconfigure(admission.runtimeOf(live));
    if (shadow !== undefined) shadows.renewed(shadow, made);
    if (live.config.atKeysMax !== "refuse") await this.recallKeys(made);
    const before = lineage.servingRecord;
    this.begin(made, lineage, { version, keptState: true, at });
    if (before !== undefined) {
      this.end(before, at, live, events);
      this.keep(live, before, at, () => workshop.change(() => this.prune(live.name)));
    }
    await workshop.save();
    return true;
  }

  private async learn(live: Detector, config: DetectorConfig): Promise<VersionInfo> {
    const { workshop, shadows, clock } = this.options;
    this.checkCanLearn(live);
    const lineage = this.of(live);
    const version = lineage.next;
    const detector = await workshop.make(live.name, config, version);
    const shadow = shadows.attach(live, detector);
    const record: VersionRecord = {
      ...{ version, config, madeUnixMs: clock.unixMs(), from: 0, to: 0, events: 0 },
      ...{ keptState: false, problem: "", file: undefined, slot: detector.slot },
    };
    lineage.records.push(record);
    lineage.learning = version;
    this.watch(live.name, shadow);
    try {
      await workshop.save();
    } catch (error) {
      await this.giveUp(live);
      throw error;
    }
    return this.info(live, lineage, record);
  }

  /** Looks from time to time whether the version that learns is ready, and lets it serve then. */
  private watch(name: string, shadow: Shadow): void {
    const { clock, log } = this.options;
    const learning: Learning = { shadow, detector: shadow.detector, cancel: () => undefined };
    this.learning.set(name, learning);
    const look = (): void => {
      if (this.closed || this.learning.get(name) !== learning) return;
      learning.cancel = clock.after(LOOK_MS, look);
      if (!shadow.tally.isReady) return;
      learning.cancel();
      this.serve(name, learning).catch((error: unknown) => {
        log.error(
          { err: error, detector: name },
          "a version could not take over; it is tried again",
        );
        if (!this.closed) learning.cancel = clock.after(LOOK_MS * 20, look);
      });
    };
    learning.cancel = clock.after(LOOK_MS, look);
  }

  /** The version that has learned takes over. */
  private serve(name: string, learning: Learning): Promise<void> {
    const { workshop, shadows, log } = this.options;
    return workshop.change(async () => {
      if (this.learning.get(name) !== learning) return;
      const { shadow } = learning;
      if (shadow === undefined) return;
      const lineage = this.of(shadow.live);
      const record = lineage.get(lineage.learning ?? 0);
      if (record === undefined) return;
      const before = lineage.servingRecord;
      const was = shadow.live;
      await shadows.swap(shadow, () => {
        const at = this.newest;
        const old = shadow.detector;
        shadows.detach(shadow);
        this.learning.delete(name);
        lineage.learning = undefined;
        this.answers(name, lineage, record, { at, slot: shadow.live.slot });
        if (before !== undefined) {
          this.end(before, at, was);
          this.retire(old, before);
        }
      });
      await workshop.save();
      log.info({ detector: name, version: record.version }, "a new version answers");
    });
  }

  /** The version that learns is given up: a newer wish has come. */
  private async giveUp(live: Detector): Promise<void> {
    const { workshop } = this.options;
    const learning = this.stopLearning(live.name);
    if (learning !== undefined) await workshop.unmake(learning.detector);
  }

  private stopLearning(name: string): Learning | undefined {
    const learning = this.learning.get(name);
    if (learning === undefined) return undefined;
    learning.cancel();
    this.learning.delete(name);
    this.options.shadows.detach(learning.shadow);
    const lineage = this.lineages.get(name);
    const record = lineage?.get(lineage.learning ?? 0);
    // One that was gone back to is kept as it was.
    if (record !== undefined && record.file === undefined) lineage?.remove(record);
    if (lineage !== undefined) lineage.learning = undefined;
    return learning;
  }

  /** A detector with the state that a version had, found by nobody, and how far that state is. */
  private async load(
    live: Detector,
    record: VersionRecord,
  ): Promise<{ readonly detector: Detector; readonly position: Position }> {
    const { workshop, shards, store } = this.options;
    const { version, config, file } = record;
    if (store === undefined || file === undefined) throw cannotGoBack(live, record);
    const detector = await workshop.make(live.name, config, version);
    let position: Position;
    try {
      const opened = store.open(file);
      try {
        if (opened.header.shards !== shards.shards.length) {
          throw new Error(`it is of ${opened.header.shards} shards, not ${shards.shards.length}`);
        }
        position = opened.header.position;
        for (const { shard, bytes } of opened.parts()) {
          // oxlint-disable-next-line no-await-in-loop -- in their order, each between two batches
          await shards.change(shard, { kind: "import", slot: detector.slot, part: bytes });
        }
      } finally {
        opened.close();
      }
    } catch (error) {
      await workshop.unmake(detector);
      if (error instanceof WeirError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      record.problem = `its state cannot be read: ${why}`;
      throw cannotGoBack(live, record);
    }
    await this.recallKeys(detector);
    return { detector, position };
  }

  /** Where a detector refuses new keys, admission knows those that there are. */
  private async recallKeys(detector: Detector): Promise<void> {
    const runtime = this.options.admission.runtimeOf(detector);
    if (runtime.ledger === undefined) return;
    await this.options.shards.passed(({ views }, kernel) => {
      runtime.recall(recall([{ kernel, views }], detector.slot));
    });
  }

  /** Feeds the version what came since, and lets it serve when nothing is missing; the one that answers goes on meanwhile. */
  // oxlint-disable-next-line max-params -- what, and from where on
  private replay(
    live: Detector,
    detector: Detector,
    record: VersionRecord,
    after: Position,
  ): Promise<VersionInfo> {
    const lineage = this.of(live);
    return this.beginReplay({ live, detector, record, lineage, after }).catch(
      async (error: unknown) => {
        lineage.learning = undefined;
        this.learning.delete(live.name);
        await this.options.workshop.unmake(detector);
        if (error instanceof WeirError) throw error;
        const why = error instanceof Error ? error.message : String(error);
        throw new WeirError(
          Code.FAILED_PRECONDITION,
          "UNKNOWN_VERSION",
          `detector "${live.name}" cannot be replayed from version ${record.version} on: ${why}; go back without replay`,
        );
      },
    );
  }

  private async beginReplay({
    live,
    detector,
    record,
    lineage,
    after,
  }: Replay): Promise<VersionInfo> {
    const { admission, shards, store, workshop, shadows, log } = this.options;
    if (store === undefined) throw cannotGoBack(live, record);
    const { first } = store.source();
    const from = Math.min(after, record.to);
    if (first > from + 1) {
      throw new Error(
        `the journal begins at position ${first}, and rows from ${from + 1} on are needed`,
      );
    }
    const runtime = admission.runtimeOf(detector);
    // Of the slot that the state is of it has all rows up to there. Others have answered since the version did not, which was before.
    const stretches = lineage.stretches
      .filter(({ until }) => until === 0 || until > record.to)
      .map((stretch) =>
        stretch.slot === record.slot
          ? { ...stretch, after: Math.max(stretch.after, after) }
          : stretch,
      );
    const relay = new Relay(runtime, stretches, ({ version }) => {
      const config = lineage.get(version)?.config;
      if (config === undefined) throw new Error(`version ${version} is not known any more`);
      return workshop.sketch(live, config);
    });
    const learning: Learning = { detector, shadow: undefined, cancel: () => catchUp.stop() };
    const catchUp = new CatchUp({
      ...{ shards, relay, rowWork: runtime.rowWork, after: from, journal: store.journal },
      source: () => store.source(),
      attach: () => {
        shadows.hold();
        const shadow = shadows.attach(workshop.get(live.name), detector);
        learning.shadow = shadow;
        return (shard) => {
          for (const rows of shadow.waiting) rows.dropCut(shard);
        };
      },
    });
    lineage.learning = record.version;
    this.learning.set(live.name, learning);
    const { name } = live;
    const done = this.finishReplay(name, learning, catchUp).catch((error: unknown) => {
      if (this.closed || this.learning.get(name) !== learning) return undefined;
      log.error({ err: error, detector: name, version: record.version }, "a replay was given up");
      return workshop.change(() => this.giveUp(workshop.get(name)));
    });
    this.exports.add(done);
    void done.finally(() => this.exports.delete(done));
    return Promise.resolve(this.info(live, lineage, record));
  }

  private async finishReplay(name: string, learning: Learning, catchUp: CatchUp): Promise<void> {
    const { shadows, log } = this.options;
    try {
      await catchUp.run();
    } finally {
      if (learning.shadow !== undefined) shadows.release();
    }
    if ((learning.shadow?.shedTotal ?? 0) > 0) {
      throw new Error("more rows came than could wait while the last ones were replayed");
    }
    log.info({ detector: name, rows: catchUp.rows }, "a version was replayed to now");
    await this.serve(name, learning);
  }

  /** In one turn: the detector with the version's state answers, and the one before goes. */
  private replace(live: Detector, detector: Detector, record: VersionRecord): void {
    const { workshop, admission, shadows } = this.options;
    const lineage = this.of(live);
    const at = this.newest;
    const before = lineage.servingRecord;
    const runtime = admission.runtimeOf(live);
    const loaded = admission.runtimeOf(detector);
    const swapped = workshop.swap(live, detector);
    shadows.renamed(live, swapped.live);
    admission.runtimeOf(swapped.live).adopt(loaded, runtime);
    admission.runtimeOf(swapped.other).adopt(runtime, loaded);
    this.answers(live.name, lineage, record, { at, slot: swapped.live.slot });
    if (before === undefined) return;
    this.end(before, at, live);
    this.retire(swapped.other, before);
  }

  // oxlint-disable-next-line max-params -- what, and from where on
  private answers(
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

  private begin(
    live: Detector,
    lineage: Lineage,
    what: { readonly version: number; readonly keptState: boolean; readonly at: Position },
  ): void {
    const { version, keptState, at } = what;
    const record: VersionRecord = {
      ...{ version, keptState, from: at, to: 0, events: 0, problem: "", file: undefined },
      ...{ config: live.config, madeUnixMs: this.options.clock.unixMs(), slot: live.slot },
    };
    lineage.records.push(record);
    this.answers(live.name, lineage, record, { at, slot: live.slot });
  }

  private end(record: VersionRecord, at: Position, was: Detector, events?: number): void {
    record.to = at;
    record.slot = was.slot;
    record.events = events ?? this.options.shards.counters(was.slot).events;
  }

  /** Writes the state of a version that a slot had at a position, behind everything else. */
  private keep(
    was: Detector,
    record: VersionRecord,
    at: Position,
    after: () => Promise<void> = () => Promise.resolve(),
  ): void {
    const writing = this.write(was, record, at).then(after);
    const settled = writing.catch((error: unknown) => {
      if (!this.closed) this.options.log.error({ err: error }, "a version could not be put away");
    });
    this.exports.add(settled);
    void settled.finally(() => this.exports.delete(settled));
  }

  private async write(was: Detector, record: VersionRecord, at: Position): Promise<void> {
    const { store, log } = this.options;
    const { name, slot } = was;
    const { version, config } = record;
    if (store === undefined) {
      record.problem = NO_STORE;
      return;
    }
    if (was.encoding !== undefined) {
      record.problem = "what its rows taught the encoding of categories is not kept by version";
      return;
    }
    record.problem = "its state is being written";
    const file = stateFileOf(name, version);
    try {
      await store.write({ slot, at, file, about: { name, version, spec: describeSpec(config) } });
      record.file = file;
      record.problem = "";
      log.info({ detector: name, version, position: at }, "the state of a version was kept");
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      record.problem = `its state could not be written: ${why}`;
      log.error({ err: error, detector: name, version }, "the state of a version was not kept");
    }
  }

  /** What answered until now goes: its state into a file, and then from the shards. */
  private retire(old: Detector, record: VersionRecord): void {
    const { shards, workshop } = this.options;
    const passed = shards.passed();
    const retired = (async (): Promise<void> => {
      // Rows that were admitted to it before are its own.
      await passed;
      this.lineages.get(old.name)?.retire(old.slot, this.newest);
      await this.write(old, record, this.newest);
      await workshop.change(async () => {
        await workshop.unmake(old);
        await this.prune(old.name);
      });
    })().catch((error: unknown) => {
      if (!this.closed) this.options.log.error({ err: error }, "a version could not be put away");
    });
    record.problem = "its state is being written";
    this.exports.add(retired);
    void retired.finally(() => this.exports.delete(retired));
  }

  /** Only the last versions are kept. */
  private async prune(name: string): Promise<void> {
    const { kept, store, workshop } = this.options;
    const lineage = this.lineages.get(name);
    if (lineage === undefined) return;
    for (const record of lineage.kept.slice(0, Math.max(0, lineage.kept.length - kept))) {
      lineage.remove(record);
      if (record.file !== undefined) store?.remove(record.file);
    }
    if (workshop.find(name) !== undefined) await workshop.save();
  }

  private forget(name: string): void {
    const lineage = this.lineages.get(name);
    this.lineages.delete(name);
    for (const { file } of lineage?.records ?? []) {
      if (file !== undefined) this.options.store?.remove(file);
    }
  }

  private toGoBackTo(live: Detector, lineage: Lineage, version: number): VersionRecord {
    const record = version === 0 ? lineage.before : lineage.get(version);
    if (record === undefined) {
      const known = lineage.records.map((each) => each.version).join(", ");
      throw new WeirError(
        Code.NOT_FOUND,
        "UNKNOWN_VERSION",
        version === 0
          ? `detector "${live.name}" has had one version only`
          : `detector "${live.name}" has no version ${version}; there are ${known}`,
      );
    }
    if (this.options.store === undefined) {
      throw new WeirError(
        Code.UNIMPLEMENTED,
        "NO_JOURNAL",
        "the states of versions are not kept where durability is none; update to its specification instead",
      );
    }
    if (record.problem !== "" || record.file === undefined) throw cannotGoBack(live, record);
    return record;
  }

  private checkCanChange(live: Detector): void {
    if (isDiscovering(live)) {
      throw new WeirError(
        Code.FAILED_PRECONDITION,
        "INPUTS_UNKNOWN",
        `detector "${live.name}" does not know its inputs yet, and has learned nothing; delete it and create it anew`,
      );
    }
  }

  private checkCanLearn(live: Detector): void {
    if (live.encoding !== undefined) {
      throw refused(
        live,
        "encodes categories by what its rows teach: only settings that keep its state can be changed; create another detector",
      );
    }
    if (this.options.shadows.known(live.name) !== undefined) {
      throw refused(
        live,
        "is a shadow: only settings that keep its state can be changed; stop it, and start another",
      );
    }
  }

  private checkShadowsFit(live: Detector, config: DetectorConfig): void {
    const { shadows } = this.options;
    const [shadow] = shadows.shadowsOf(live);
    const isShadow = shadows.known(live.name) !== undefined;
    if (shadow === undefined && !isShadow) return;
    if (isDeepStrictEqual(live.config.inputs, config.inputs)) return;
    throw refused(live, "has the same inputs as its shadow, and keeps them while that is there");
  }

  private served(name: string): VersionInfo {
    const live = this.options.workshop.get(name);
    const lineage = this.of(live);
    const record = lineage.servingRecord;
    if (record === undefined) throw new Error(`no version of "${name}" serves`);
    return this.info(live, lineage, record);
  }

  private info(live: Detector, lineage: Lineage, record: VersionRecord): VersionInfo {
    const { shards } = this.options;
    const learning = this.learning.get(live.name)?.detector;
    const isLearning = record.version === lineage.learning;
    const detector = isLearning && learning !== undefined ? learning : live;
    const { events } = shards.counters(detector.slot);
    const needed = rowsUntilReady(detector) * Math.max(1, shards.counters(live.slot).keys);
    return lineage.info(record, { events, eventsUntilReady: Math.max(1, needed - events) });
  }

  /** Of a detector's life so far; its first version when nothing is known of it. */
  private of(detector: Detector, config: DetectorConfig = detector.config): Lineage {
    const known = this.lineages.get(detector.name);
    if (known !== undefined) return known;
    const lineage = new Lineage();
    const version = this.options.workshop.versionOf(detector.name);
    const record: VersionRecord = {
      ...{ version, config, madeUnixMs: this.options.clock.unixMs(), slot: detector.slot },
      ...{ from: this.newest, to: 0, events: 0, keptState: false, problem: "", file: undefined },
    };
    lineage.records.push(record);
    lineage.serve(record, record.from);
    this.lineages.set(detector.name, lineage);
    return lineage;
  }

  private get newest(): Position {
    return this.options.store?.journal.newest ?? 0;
  }
}

/** Of one key, about. */
function rowsUntilReady({ config: { model, burnInEvents } }: Detector): number {
  return isWindowModel(model) ? model.minSamples : Math.max(model.window, burnInEvents);
}

function workshopFinds(workshop: Workshop, detector: Detector): boolean {
  return workshop.find(detector.name) === detector;
}

function refused({ name }: Detector, why: string): WeirError {
  return new WeirError(Code.FAILED_PRECONDITION, "SHADOWED", `detector "${name}" ${why}`);
}

function cannotGoBack({ name }: Detector, { version, problem }: VersionRecord): WeirError {
  const why = problem === "" ? "its state is not kept" : problem;
  return new WeirError(
    Code.FAILED_PRECONDITION,
    "UNKNOWN_VERSION",
    `detector "${name}" cannot go back to version ${version}: ${why}`,
  );
}
