import { isDeepStrictEqual } from "node:util";
import { describeSpec } from "../config/describe-spec.ts";
import type { Neighbours, KeptVersions } from "../control/neighbours.ts";
import { keptVersions } from "../control/neighbours.ts";
import type { VersionInfo } from "../control/operations.ts";
import { isDiscovering } from "../discovery/discovery.ts";
import { isWindowModel } from "../domain/detector.ts";
import type { Detector, DetectorConfig } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { checkRowsFit, mayKeepState, withKnownInputs } from "./fits.ts";
import { BEING_WRITTEN, cannotGoBack, KeptStates } from "./kept-states.ts";
import { Learnings } from "./learnings.ts";
import type { LearningsOptions } from "./learnings.ts";
import { isNow, Lineage } from "./lineage.ts";
import type { VersionRecord } from "./lineage.ts";
import { Lineages } from "./lineages.ts";

/** The specifications that detectors have had, and their way from one to the next. */
export class Versions implements Neighbours {
  private readonly options: LearningsOptions;
  private readonly lineages: Lineages;
  private readonly states: KeptStates;
  private readonly learnings: Learnings;

  constructor(options: LearningsOptions) {
    this.options = options;
    this.lineages = new Lineages(options);
    this.states = new KeptStates(options, this.lineages);
    this.learnings = new Learnings(options, this.lineages, this.states);
    options.shadows.onStopped = ({ name }) => this.forget(name);
  }

  list(name: string): readonly VersionInfo[] {
    const live = this.options.workshop.get(name);
    const lineage = this.lineages.of(live);
    return lineage.records.toReversed().map((record) => this.info(live, lineage, record));
  }

  update(name: string, config: DetectorConfig): Promise<VersionInfo> {
    const { workshop } = this.options;
    return workshop.change(async () => {
      const live = workshop.get(name);
      this.checkCanChange(live);
      const given = withKnownInputs(live, config);
      const lineage = this.lineages.of(live);
      const newest = lineage.get(lineage.learning ?? lineage.serving);
      if (newest !== undefined && isDeepStrictEqual(newest.config, given)) {
        return this.info(live, lineage, newest);
      }
      checkRowsFit(live, given);
      this.checkShadowsFit(live, given);
      await this.learnings.giveUp(live);
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
    await this.states.settled();
    return workshop.change(async () => {
      const live = workshop.get(name);
      this.checkCanChange(live);
      const lineage = this.lineages.of(live);
      if (version === lineage.serving) {
        await this.learnings.giveUp(live);
        return this.served(name);
      }
      const record = this.toGoBackTo(live, lineage, version);
      await this.learnings.giveUp(live);
      if (replay) this.learnings.checkCanReplay(live, record);
      const { detector, position } = await this.states.load(live, record, replay);
      if (replay) {
        await this.learnings.replay(live, detector, record, position);
        return this.info(live, lineage, record);
      }
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
      if (history !== undefined) this.bringBackLineage(detector, keptVersions(json));
      const live = shadowOf === undefined ? undefined : workshop.find(shadowOf);
      if (live !== undefined) shadows.bringBack(live, detector, share);
    }
    for (const [name, detector] of learning) {
      const live = workshop.find(name);
      const lineage = this.lineages.byName.get(name);
      const version = keptVersions(kept.get(name)).learning?.version;
      if (live === undefined || lineage === undefined || version === undefined) continue;
      lineage.learning = version;
      this.learnings.watch(live.name, shadows.attach(live, detector));
    }
  }

  private bringBackLineage({ name, encoding }: Detector, kept: KeptVersions): void {
    const lineage = Lineage.fromJson(kept, this.options.workshop.versionOf(name), name);
    lineage.encoding = encoding;
    this.lineages.byName.set(name, lineage);
    for (const record of lineage.kept) {
      const isLost = record.problem === "" || record.problem === BEING_WRITTEN;
      if (isLost && record.file === undefined) {
        record.problem = "the server stopped before its state was written";
      }
    }
  }

  /** A shadow has taken the place of its live one: both names have a new version. */
  promoted(live: Detector, shadow: Detector): void {
    const at = this.lineages.newest;
    for (const [now, was] of [
      [live, shadow],
      [shadow, live],
    ] as const) {
      const lineage = this.lineages.of(now, was.config);
      lineage.wentOn(was.name, `it went on as version ${lineage.next}`);
      const before = lineage.servingRecord;
      if (before !== undefined) {
        const { slot } = was;
        // What comes for the slot later is the shadow's; who was admitted before is still the live one's.
        void this.options.shards.passed().then(
          () => lineage.retire(slot, this.lineages.newest),
          () => undefined,
        );
        before.problem = isNow(was.name);
        this.lineages.end(before, at, was);
      }
      this.lineages.begin(now, lineage, { version: lineage.next, keptState: true, at });
    }
  }

  wasDeclared({ name }: Detector, config: DetectorConfig): boolean {
    const lineage = this.lineages.byName.get(name);
    if (lineage?.declared !== undefined) return isDeepStrictEqual(lineage.declared, config);
    return lineage?.records.some((record) => isDeepStrictEqual(record.config, config)) ?? false;
  }

  noteDeclared(detector: Detector, config: DetectorConfig): void {
    this.lineages.of(detector).declared = config;
  }

  dependents(detector: Detector): readonly Detector[] {
    const { shadows } = this.options;
    const gone = shadows.shadowsOf(detector).map((shadow) => shadow.detector);
    const learning = this.learnings.stop(detector.name);
    if (learning !== undefined) gone.push(learning.detector);
    for (const each of [...gone, detector]) {
      shadows.forget(each);
      this.forget(each.name);
    }
    return gone;
  }

  checkRemove(detector: Detector): void {
    const names = this.options.shadows.shadowsOf(detector).map((shadow) => shadow.detector.name);
    if (names.length === 0) return;
    const all = names.map((name) => `"${name}"`).join(" and ");
    const [them, one] = names.length === 1 ? ["it", "it"] : ["them", "one"];
    throw refused(
      detector,
      `is shadowed by ${all}, which would be deleted with it; stop ${them} first, or promote ${one} and delete that`,
    );
  }

  isShadow({ name }: Detector): boolean {
    return this.options.shadows.known(name) !== undefined;
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
    const lineage = this.lineages.of(detector);
    // Inputs may have been discovered since.
    const serving = lineage.servingRecord;
    if (serving !== undefined) serving.config = detector.config;
    lineage.encodedBy(detector.encoding, this.lineages.newest);
    return {
      ...(shadow === undefined ? {} : { shadowOf: shadow.live.name, share: shadow.share }),
      ...(lineage.encodedSince === 0 ? {} : { encodedSince: lineage.encodedSince }),
      ...(lineage.declared === undefined ? {} : { declared: describeSpec(lineage.declared) }),
      history: lineage.toJson(),
      stretches: lineage.stretches,
      ...this.learnings.describe(detector.name, lineage),
    };
  }

  /** What is being written to disk is waited for; nothing more is begun. */
  async close(): Promise<void> {
    await this.learnings.close();
    await this.states.close();
  }

  /** A name is nobody's any more: what it had, and what went on under it, cannot be gone back to. */
  private forget(name: string): void {
    this.lineages.forget(name);
    for (const lineage of this.lineages.byName.values()) {
      lineage.wentOn(name, `it went on as "${name}", which is gone`);
    }
  }

  private async configure(live: Detector, config: DetectorConfig): Promise<boolean> {
    const { workshop, admission, shadows, shards } = this.options;
    const lineage = this.lineages.of(live);
    const version = lineage.next;
    const was = this.states.now(live);
    const at = was.position;
    const { events } = shards.counters(live.slot);
    let made: Detector;
    try {
      made = await workshop.configure(live, config, version, (now) => {
        shadows.renamed(live, now);
        admission.runtimeOf(now).reconfigure(admission.runtimeOf(live));
        const shadow = shadows.known(live.name);
        if (shadow !== undefined) shadows.renewed(shadow, now);
      });
    } catch (error) {
      if (error instanceof WeirError) throw error;
      return false;
    }
    if (live.config.atKeysMax !== "refuse") await this.states.recallKeys(made);
    const before = lineage.servingRecord;
    this.lineages.begin(made, lineage, { version, keptState: true, at });
    if (before !== undefined) {
      this.lineages.end(before, at, live, events);
      this.states.keep(was, before);
    }
    await workshop.save();
    return true;
  }

  private async learn(live: Detector, config: DetectorConfig): Promise<VersionInfo> {
    const { workshop, shadows, clock } = this.options;
    this.checkCanLearn(live);
    const lineage = this.lineages.of(live);
    const version = lineage.next;
    const { encoding } = live;
    const detector = await workshop.make(live.name, config, { version, encoding });
    const shadow = shadows.attach(live, detector);
    const record: VersionRecord = {
      version,
      config,
      madeUnixMs: clock.unixMs(),
      from: 0,
      to: 0,
      events: 0,
      keptState: false,
      problem: "",
      file: undefined,
      slot: detector.slot,
    };
    lineage.records.push(record);
    lineage.learning = version;
    this.learnings.watch(live.name, shadow);
    try {
      await workshop.save();
    } catch (error) {
      await this.learnings.giveUp(live);
      throw error;
    }
    return this.info(live, lineage, record);
  }

  /** In one turn: the detector with the version's state answers, and the one before goes. */
  private replace(live: Detector, detector: Detector, record: VersionRecord): void {
    const { workshop, admission, shadows } = this.options;
    const lineage = this.lineages.of(live);
    const at = this.lineages.newest;
    const before = lineage.servingRecord;
    const runtime = admission.runtimeOf(live);
    const loaded = admission.runtimeOf(detector);
    const swapped = workshop.swap(live, detector);
    shadows.renamed(live, swapped.live);
    admission.runtimeOf(swapped.live).adopt(loaded, runtime);
    admission.runtimeOf(swapped.other).adopt(runtime, loaded);
    this.lineages.answers(live.name, lineage, record, { at, slot: swapped.live.slot });
    if (before === undefined) return;
    this.lineages.end(before, at, live);
    this.states.retire(swapped.other, before);
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
    const lineage = this.lineages.of(live);
    const record = lineage.servingRecord;
    if (record === undefined) throw new Error(`no version of "${name}" serves`);
    return this.info(live, lineage, record);
  }

  private info(live: Detector, lineage: Lineage, record: VersionRecord): VersionInfo {
    const { shards } = this.options;
    const learning = this.learnings.detectorOf(live.name);
    const isLearning = record.version === lineage.learning;
    const detector = isLearning && learning !== undefined ? learning : live;
    const { events } = shards.counters(detector.slot);
    const needed = rowsUntilReady(detector) * Math.max(1, shards.counters(live.slot).keys);
    const left = this.learnings.leftToReplay(live.name) ?? needed - events;
    return lineage.info(record, { events, eventsUntilReady: Math.max(1, left) });
  }
}

/** Of one key, about. */
function rowsUntilReady({ config: { model, burnInEvents } }: Detector): number {
  return isWindowModel(model) ? model.minSamples : Math.max(model.window, burnInEvents);
}

function refused({ name }: Detector, why: string): WeirError {
  return new WeirError(Code.FAILED_PRECONDITION, "SHADOWED", `detector "${name}" ${why}`);
}
