import { isDeepStrictEqual } from "node:util";
import type { Admission } from "../admission/admission.ts";
import type { Beside, Besides } from "../admission/beside.ts";
import { differentlyEncoded } from "../control/differences.ts";
import type { ShadowReport, ShadowStart } from "../control/operations.ts";
import type { Workshop } from "../control/workshop.ts";
import { limits } from "../config/limits.ts";
import { isDiscovering } from "../discovery/discovery.ts";
import type { Clock } from "../domain/clock.ts";
import type { Detector, DetectorConfig } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { ShadowGauges } from "../telemetry/telemetry.ts";
import { Feed } from "./feed.ts";
import { Shadow } from "./shadow.ts";
import { SideQueue } from "./side-queue.ts";

export interface ShadowsOptions {
  /** The shadow and the live one have changed places. */
  readonly promoted?: (live: Detector, shadow: Detector) => void;
  readonly workshop: Workshop;
  readonly admission: Pick<Admission, "runtimeOf">;
  readonly shards: ShardSet;
  readonly clock: Clock;
}

/** How long a promotion waits for rows that the shadow has not seen yet. */
const DRAIN_MS = 10_000;

/** All shadows of this server, those of clients and those that are versions to be. */
export class Shadows implements Besides {
  private readonly options: ShadowsOptions;
  private readonly feeds = new Map<Detector, Feed>();
  /** Those with a name of their own. */
  private readonly named = new Map<string, Shadow>();
  private queueMade: SideQueue | undefined;
  /** Told of a shadow that is gone. */
  onStopped: ((detector: Detector) => void) | undefined;

  constructor(options: ShadowsOptions) {
    this.options = options;
  }

  of(detector: Detector): Beside | undefined {
    return this.feeds.size === 0 ? undefined : this.feeds.get(detector);
  }

  checkAnswers({ name }: Detector): void {
    const shadow = this.named.get(name);
    if (shadow === undefined) return;
    throw new WeirError(
      Code.FAILED_PRECONDITION,
      "SHADOWED",
      `detector "${name}" is the shadow of "${shadow.live.name}" and answers nobody; send to "${shadow.live.name}", or promote it`,
    );
  }

  /** Of all of them, those that are versions to be among them. */
  gauges(): readonly ShadowGauges[] {
    return [...this.feeds.values()].flatMap(({ shadows }) =>
      shadows.map(({ detector, rowsBehind, shedTotal, madeUnixMs }) => ({
        name: detector.name,
        sinceUnixMs: madeUnixMs,
        rowsBehind,
        rowsShed: shedTotal,
      })),
    );
  }

  /** The shadow of that name; undefined = it is none. */
  known(name: string): Shadow | undefined {
    return this.named.get(name);
  }

  start({ name, shadowed, config, copyState: copies, share }: ShadowStart): Promise<Detector> {
    const { workshop } = this.options;
    return workshop.change(async () => {
      if (workshop.find(name) !== undefined) throw exists(name);
      const live = workshop.get(shadowed);
      this.checkCanBeShadowed(live);
      const given = withInputsOf(live, config);
      checkInputs(live, given);
      if (share > 0) this.checkShare(live, undefined);
      const detector = await workshop.make(name, given, { encoding: live.encoding });
      let shadow: Shadow | undefined;
      try {
        if (copies) {
          shadow = await this.copy(live, detector);
        } else {
          shadow = this.attach(live, detector);
        }
        this.named.set(name, shadow);
        workshop.show(detector);
        await this.setShareNow(shadow, share);
        await workshop.save();
      } catch (error) {
        this.named.delete(name);
        workshop.hide(detector);
        this.detach(shadow);
        await workshop.unmake(detector);
        throw error;
      }
      return detector;
    });
  }

  setShare(name: string, share: number): Promise<void> {
    const { workshop } = this.options;
    return workshop.change(async () => {
      const shadow = this.get(name);
      if (share > 0) this.checkShare(shadow.live, shadow);
      await this.setShareNow(shadow, share);
      await workshop.save();
    });
  }

  report(name: string): ShadowReport {
    return this.get(name).report();
  }

  promote(name: string): Promise<Detector> {
    const { workshop } = this.options;
    return workshop.change(async () => {
      const shadow = this.get(name);
      await this.swap(shadow);
      this.options.promoted?.(shadow.live, shadow.detector);
      await workshop.save();
      return shadow.live;
    });
  }

  stop(name: string): Promise<void> {
    const { workshop } = this.options;
    return workshop.change(async () => {
      const shadow = this.get(name);
      this.forget(shadow.detector);
      workshop.hide(shadow.detector);
      this.onStopped?.(shadow.detector);
      await workshop.save();
      await workshop.unmake(shadow.detector);
    });
  }

  /** The detector sees the live one's rows from now on. */
  attach(live: Detector, detector: Detector): Shadow {
    const runtime = this.options.admission.runtimeOf(detector);
    const shadow = new Shadow(live, runtime, this.options.clock.unixMs());
    this.setFeed(live, [...(this.feeds.get(live)?.shadows ?? []), shadow]);
    return shadow;
  }

  /** What waits for shadows goes on waiting until `release`. */
  hold(): void {
    this.queue.hold();
  }

  release(): void {
    this.queue.release();
  }

  /** A shadow that was there before a restart. */
  bringBack(live: Detector, detector: Detector, share: number): void {
    const shadow = this.attach(live, detector);
    shadow.share = share;
    this.named.set(detector.name, shadow);
  }

  /** The shadow sees nothing any more, and what waits for it is dropped. */
  detach(shadow: Shadow | undefined): void {
    if (shadow === undefined) return;
    const left = this.feeds.get(shadow.live)?.shadows.filter((each) => each !== shadow) ?? [];
    this.setFeed(shadow.live, left);
    this.queueMade?.drop(shadow);
  }

  /** The detector is about to go: as a shadow it sees nothing any more. */
  forget({ name }: Detector): void {
    this.detach(this.named.get(name));
    this.named.delete(name);
  }

  /** Another object stands for the same live detector now. */
  renamed(before: Detector, now: Detector): void {
    const feed = this.feeds.get(before);
    if (feed === undefined) return;
    for (const shadow of feed.shadows) shadow.live = now;
    this.feeds.delete(before);
    this.setFeed(now, feed.shadows);
  }

  /** Another object stands for a shadow now. */
  renewed(shadow: Shadow, detector: Detector): void {
    shadow.runtime = this.options.admission.runtimeOf(detector);
  }

  /**
   * The shadow and the live one change places, between two rows: every request sees the one or the other whole. What waits for the shadow goes in
   * before. `then` is called in the same turn. Rejects after ten seconds in which the shards had no room for it.
   */
  async swap(shadow: Shadow, then: () => void = () => undefined): Promise<void> {
    await this.whenDrained(shadow, () => {
      this.swapNow(shadow);
      then();
    });
  }

  private swapNow(shadow: Shadow): void {
    const { workshop, admission, clock } = this.options;
    const live = admission.runtimeOf(shadow.live);
    const other = shadow.runtime;
    const swapped = workshop.swap(shadow.live, shadow.detector);
    // What is on its way to the shards is for the detector that answers now.
    shadow.waiting.clear();
    this.renamed(shadow.live, swapped.live);
    admission.runtimeOf(swapped.live).adopt(other, live);
    shadow.runtime = admission.runtimeOf(swapped.other);
    shadow.runtime.adopt(live, other);
    shadow.share = 0;
    shadow.startOver(clock.unixMs());
  }

  /** Shadows of a detector, those of clients; names, in the order in which they were started. */
  shadowsOf(live: Detector): readonly Shadow[] {
    return (this.feeds.get(live)?.shadows ?? []).filter(({ detector }) => {
      return this.named.has(detector.name);
    });
  }

  /** Whether anything sees what the detector sees. */
  isShadowed(detector: Detector): boolean {
    return this.feeds.has(detector);
  }

  /** FAILED_PRECONDITION (NOT_A_SHADOW) for a detector that is none. */
  get(name: string): Shadow {
    const { workshop } = this.options;
    const shadow = this.named.get(name);
    if (shadow !== undefined) return shadow;
    workshop.get(name);
    throw new WeirError(
      Code.FAILED_PRECONDITION,
      "NOT_A_SHADOW",
      `detector "${name}" is not a shadow`,
    );
  }

  /** Attaches a shadow that begins with the state of the live one. */
  private async copy(live: Detector, detector: Detector): Promise<Shadow> {
    const { shards, workshop, admission } = this.options;
    const { stateBytes } = workshop.status(live);
    if (stateBytes > limits.copiedStateBytesMax) throw tooLarge(live, stateBytes);
    // In one turn: each shard is asked for its copy, and all rows from now on are queued.
    const copied = shards.changes.copyDetector(live.slot, detector.slot, (shard) => {
      for (const rows of shadow.waiting) rows.dropCut(shard);
    });
    const shadow = this.attach(live, detector);
    try {
      await copied;
    } catch (error) {
      this.detach(shadow);
      if (error instanceof WeirError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw WeirError.invalid(
        "INVALID_SPEC",
        "copy_state",
        `the state of "${live.name}" cannot be copied: ${why}; start cold, without copy_state`,
      );
    }
    admission.runtimeOf(detector).copyKeys(admission.runtimeOf(live));
    return shadow;
  }

  private get queue(): SideQueue {
    return (this.queueMade ??= new SideQueue(this.options.shards));
  }

  private setFeed(live: Detector, shadows: readonly Shadow[]): void {
    if (shadows.length === 0) this.feeds.delete(live);
    else this.feeds.set(live, new Feed(shadows, this.queue, () => this.options.shards.wake()));
  }

  private async setShareNow(shadow: Shadow, share: number): Promise<void> {
    const set = (): void => {
      shadow.share = share;
    };
    // Rows that wait at the side were admitted before those that go the live way from now on.
    if (shadow.share === 0 && share > 0) await this.whenDrained(shadow, set);
    else set();
  }

  /** Acts in a turn in which nothing waits for the shadow. */
  private async whenDrained(shadow: Shadow, act: () => void): Promise<void> {
    const { clock } = this.options;
    const until = clock.now() + DRAIN_MS;
    while (!this.queue.flush()) {
      if (clock.now() > until) throw tooBusy(shadow);
      // oxlint-disable-next-line no-await-in-loop -- until there is room
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    act();
  }

  private checkCanBeShadowed(live: Detector): void {
    const { name } = live;
    const refuse = (why: string): never => {
      throw new WeirError(Code.FAILED_PRECONDITION, "SHADOWED", `detector "${name}" ${why}`);
    };
    if (this.named.has(name)) refuse("is a shadow itself, and has none");
    if (isDiscovering(live)) refuse("does not know its inputs yet; start a shadow when it does");
  }

  private checkShare(live: Detector, shadow: Shadow | undefined): void {
    const other = this.feeds.get(live)?.shadows.find((each) => each !== shadow && each.share > 0);
    if (other === undefined) return;
    throw new WeirError(
      Code.FAILED_PRECONDITION,
      "SHADOWED",
      `shadow "${other.detector.name}" answers a share of "${live.name}" already; set its share to 0 first`,
    );
  }
}

/** A shadow that would discover its inputs takes those that the live one has discovered. */
function withInputsOf(live: Detector, config: DetectorConfig): DetectorConfig {
  if (config.inputs.length > 0) return config;
  return Object.freeze({ ...config, inputs: live.config.inputs });
}

function checkInputs(live: Detector, { inputs }: DetectorConfig): void {
  const known = live.config.inputs;
  if (isDeepStrictEqual(known, inputs)) return;
  const recoded = differentlyEncoded(known, inputs);
  if (recoded !== undefined) {
    throw WeirError.invalid(
      "INVALID_SPEC",
      "spec.inputs",
      `${recoded}: a shadow has the encodings of "${live.name}", because its columns are those that the rows before the first training showed`,
    );
  }
  const names = new Set([...known, ...inputs].map(({ name }) => name));
  const differing = [...names].filter((name) => {
    const is = (input: { readonly name: string }): boolean => input.name === name;
    return !isDeepStrictEqual(known.find(is), inputs.find(is));
  });
  const what = differing.length > 0 ? differing.join(", ") : "their order";
  throw WeirError.invalid(
    "INVALID_SPEC",
    "spec.inputs",
    `differ from those of "${live.name}" in ${what}; a shadow sees the same rows and needs the same inputs`,
  );
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MiB`;
}

function tooLarge({ name }: Detector, bytes: number): WeirError {
  return new WeirError(
    Code.FAILED_PRECONDITION,
    "SHADOWED",
    `copy_state: the state of "${name}" has ${mib(bytes)}, and its shards would wait while more than ${mib(limits.copiedStateBytesMax)} are copied; start cold, without copy_state`,
  );
}

function exists(name: string): WeirError {
  return new WeirError(
    Code.ALREADY_EXISTS,
    "DETECTOR_EXISTS",
    `detector "${name}" exists; choose another name for the shadow`,
  );
}

function tooBusy({ detector, rowsBehind }: Shadow): WeirError {
  return new WeirError(
    Code.UNAVAILABLE,
    "QUEUE_FULL",
    `shadow "${detector.name}" is ${rowsBehind} rows behind, and the shards had no room for them in ${DRAIN_MS / 1000} s; try again when there is less load`,
    { retryAfterMs: 1000 },
  );
}
