import { describeSpec } from "../config/describe-spec.ts";
import type { KeptVersions } from "../control/neighbours.ts";
import type { Detector } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import type { Position } from "../shard/journal.ts";
import type { Shadow } from "../shadow/shadow.ts";
import type { Shadows } from "../shadow/shadows.ts";
import { CatchUp } from "./catch-up.ts";
import { cannotGoBack } from "./kept-states.ts";
import type { KeptStates, KeptStatesOptions } from "./kept-states.ts";
import type { Lineage, VersionRecord } from "./lineage.ts";
import type { Lineages } from "./lineages.ts";
import { Relay } from "./relay.ts";

export interface LearningsOptions extends KeptStatesOptions {
  readonly shadows: Shadows;
}

/** A version that learns beside the one that serves. */
interface Learning {
  readonly detector: Detector;
  /** Undefined = it is fed what the journal has, and sees no new rows yet. */
  shadow: Shadow | undefined;
  /** It is not looked at any more, and not fed by the journal. */
  cancel: () => void;
  /** What feeds it from the journal; absent = it begins with new rows. */
  readonly catchUp?: CatchUp;
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

/** Versions that learn beside the ones that answer, until they take over or are given up. At most one of a detector. */
export class Learnings {
  private readonly options: LearningsOptions;
  private readonly lineages: Lineages;
  private readonly states: KeptStates;
  private readonly learning = new Map<string, Learning>();
  private readonly replays = new Set<Promise<void>>();
  private closed = false;

  constructor(options: LearningsOptions, lineages: Lineages, states: KeptStates) {
    this.options = options;
    this.lineages = lineages;
    this.states = states;
  }

  /** The detector that learns; undefined = none does. */
  detectorOf(name: string): Detector | undefined {
    return this.learning.get(name)?.detector;
  }

  /** Rows of the journal that are still to be replayed, about; undefined = none is replayed. */
  leftToReplay(name: string): number | undefined {
    return this.learning.get(name)?.catchUp?.left;
  }

  /** What is kept of it over a restart. One that is being replayed to now is given up by one: it is kept as it was. */
  describe(name: string, lineage: Lineage): Pick<KeptVersions, "learning"> {
    const learning = this.learning.get(name);
    const { learning: version } = lineage;
    if (learning?.shadow === undefined || version === undefined) return {};
    if (lineage.get(version)?.file !== undefined) return {};
    const { slot, config } = learning.detector;
    return { learning: { slot, version, spec: describeSpec(config) } };
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const { cancel } of this.learning.values()) cancel();
    await Promise.all(this.replays);
  }

  /** Looks from time to time whether the version that learns is ready, and lets it serve then. */
  watch(name: string, shadow: Shadow): void {
    const { clock, log } = this.options;
    shadow.isVersion = true;
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

  /** The version that learns is given up: a newer wish has come. */
  async giveUp(live: Detector): Promise<void> {
    const { workshop } = this.options;
    const learning = this.stop(live.name);
    if (learning !== undefined) await workshop.unmake(learning.detector);
  }

  stop(name: string): Learning | undefined {
    const learning = this.learning.get(name);
    if (learning === undefined) return undefined;
    learning.cancel();
    this.learning.delete(name);
    this.options.shadows.detach(learning.shadow);
    const lineage = this.lineages.byName.get(name);
    const record = lineage?.get(lineage.learning ?? 0);
    // One that was gone back to is kept as it was.
    if (record !== undefined && record.file === undefined) lineage?.remove(record);
    if (lineage !== undefined) lineage.learning = undefined;
    return learning;
  }

  /** Feeds the version what came since, and lets it serve when nothing is missing; the one that answers goes on meanwhile. */
  // oxlint-disable-next-line max-params -- what, and from where on
  replay(
    live: Detector,
    detector: Detector,
    record: VersionRecord,
    after: Position,
  ): Promise<void> {
    const lineage = this.lineages.of(live);
    return this.beginReplay({ live, detector, record, lineage, after }).catch(
      async (error: unknown) => {
        lineage.learning = undefined;
        this.learning.delete(live.name);
        await this.options.workshop.unmake(detector);
        if (error instanceof WeirError) throw error;
        const why = error instanceof Error ? error.message : String(error);
        throw cannotReplay(live, record.version, why);
      },
    );
  }

  /** Throws where the journal does not have the rows as the version would have had them. */
  checkCanReplay(live: Detector, { version, to }: VersionRecord): void {
    if (live.encoding === undefined || to > this.lineages.of(live).encodedSince) return;
    throw cannotReplay(
      live,
      version,
      "since then its rows were encoded by what another version had learned",
    );
  }

  /** The version that has learned takes over. */
  private serve(name: string, learning: Learning): Promise<void> {
    const { workshop, shadows, log } = this.options;
    return workshop.change(async () => {
      if (this.learning.get(name) !== learning) return;
      const { shadow } = learning;
      if (shadow === undefined) return;
      const lineage = this.lineages.of(shadow.live);
      const record = lineage.get(lineage.learning ?? 0);
      if (record === undefined) return;
      const before = lineage.servingRecord;
      const was = shadow.live;
      await shadows.swap(shadow, () => {
        const at = this.lineages.newest;
        const old = shadow.detector;
        shadows.detach(shadow);
        this.learning.delete(name);
        lineage.learning = undefined;
        this.lineages.answers(name, lineage, record, { at, slot: shadow.live.slot });
        if (before !== undefined) {
          this.lineages.end(before, at, was);
          this.states.retire(old, before);
        }
      });
      await workshop.save();
      log.info({ detector: name, version: record.version }, "a new version answers");
    });
  }

  private async beginReplay({ live, detector, record, lineage, after }: Replay): Promise<void> {
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
      .map(({ slot, version, until, after: since }) => ({
        slot,
        version,
        until,
        after: slot === record.slot ? Math.max(since, after) : since,
      }));
    const relay = new Relay(runtime, stretches, ({ version }) => {
      const config = lineage.get(version)?.config;
      if (config === undefined) throw new Error(`version ${version} is not known any more`);
      return workshop.sketch(live, config);
    });
    const catchUp = new CatchUp({
      shards,
      relay,
      rowWork: runtime.rowWork,
      after: from,
      journal: store.journal,
      source: () => store.source(),
      attach: () => {
        shadows.hold();
        const shadow = shadows.attach(workshop.get(live.name), detector);
        shadow.isVersion = true;
        learning.shadow = shadow;
        return (shard) => {
          for (const rows of shadow.waiting) rows.dropCut(shard);
        };
      },
    });
    const learning: Learning = {
      detector,
      shadow: undefined,
      cancel: () => catchUp.stop(),
      catchUp,
    };
    lineage.learning = record.version;
    this.learning.set(live.name, learning);
    const { name } = live;
    const done = this.finishReplay(name, learning, catchUp).catch((error: unknown) => {
      if (this.closed || this.learning.get(name) !== learning) return undefined;
      log.error({ err: error, detector: name, version: record.version }, "a replay was given up");
      return workshop.change(() => this.giveUp(workshop.get(name)));
    });
    this.replays.add(done);
    void done.finally(() => this.replays.delete(done));
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
}

function cannotReplay({ name }: Detector, version: number, why: string): WeirError {
  return new WeirError(
    Code.FAILED_PRECONDITION,
    "UNKNOWN_VERSION",
    `detector "${name}" cannot be replayed from version ${version} on: ${why}; go back without replay`,
  );
}
