import type { EventTime, Feature } from "../../src/domain/detector.ts";
import { Timeliness } from "../../src/domain/verdict.ts";
import { aggregateOf, encodedOf } from "./features-aggregates.ts";
import type { Found } from "./features-aggregates.ts";
import { countUntil } from "./features-windows.ts";
import type { Moment, Placed } from "./features-windows.ts";

/**
 * Windowed features by their definitions: every one from the list of all events of its key, anew for each event, in exact sums. Slow, and
 * independent of how the kernel keeps its state. Windows that outgrew their log are not in it: give it as many events as the log holds.
 */
export interface FeatureEvent {
  readonly key: string;
  readonly timeMs: number;
  readonly arrivalMs: number;
  /** By input; a number, or a category's text. Absent = missing. */
  readonly values: ReadonlyMap<string, number | string>;
}

export interface FeatureAnswer {
  readonly timeliness: Timeliness;
  /** By position of the feature; undefined = refused. */
  readonly values: readonly FeatureValue[] | undefined;
}

export interface FeatureValue {
  readonly value: number;
  readonly defaulted: boolean;
  /** How far off float64s may be, beside 1e-12 of the value. */
  readonly slack: number;
}

export class FeatureReference {
  /** Learned events of each key, by time, equal times by arrival. */
  private readonly logs = new Map<string, Placed[]>();
  private readonly features: readonly Feature[];
  private readonly eventTime: EventTime;
  private heartbeatMs = Number.NEGATIVE_INFINITY;

  constructor(features: readonly Feature[], eventTime: EventTime) {
    this.features = features;
    this.eventTime = eventTime;
  }

  heartbeat(timeMs: number): void {
    this.heartbeatMs = Math.max(this.heartbeatMs, timeMs);
  }

  /** The event joins its key's. */
  learn(event: FeatureEvent): FeatureAnswer {
    const { timeliness, timeMs, learns } = this.judge(event);
    const values = timeMs === undefined ? undefined : this.at(event, timeMs);
    if (timeMs !== undefined && learns) {
      const log = this.logs.get(event.key) ?? [];
      log.splice(countUntil(log, timeMs), 0, { timeMs, values: event.values });
      this.logs.set(event.key, log);
    }
    return { timeliness, values };
  }

  /** As if it came. */
  peek(event: FeatureEvent): FeatureAnswer {
    const { timeliness, timeMs } = this.judge(event);
    return { timeliness, values: timeMs === undefined ? undefined : this.at(event, timeMs) };
  }

  /** The features of a key as if nothing came at that time. */
  read(key: string, timeMs: number): readonly FeatureValue[] {
    return this.features.map((feature) =>
      this.valueOf(feature, { before: this.before(key, timeMs), current: undefined, timeMs }),
    );
  }

  /** Events of a key at or before a time. */
  count(key: string, timeMs = Number.POSITIVE_INFINITY): number {
    return countUntil(this.logs.get(key) ?? [], timeMs);
  }

  private before(key: string, timeMs: number): readonly Placed[] {
    const log = this.logs.get(key) ?? [];
    return log.slice(0, countUntil(log, timeMs));
  }

  private at({ key, values }: FeatureEvent, timeMs: number): readonly FeatureValue[] {
    const moment = { before: this.before(key, timeMs), current: { timeMs, values }, timeMs };
    return this.features.map((feature) => this.valueOf(feature, moment));
  }

  private judge(event: FeatureEvent): {
    timeliness: Timeliness;
    timeMs: number | undefined;
    learns: boolean;
  } {
    const { latenessMs, futureToleranceMs, late, future } = this.eventTime;
    const newest = Math.max(
      this.logs.get(event.key)?.at(-1)?.timeMs ?? Number.NEGATIVE_INFINITY,
      this.heartbeatMs,
    );
    if (event.timeMs > event.arrivalMs + futureToleranceMs) {
      const onTimeMs = Math.max(event.arrivalMs, newest - latenessMs);
      return policed(future, { name: "FUTURE", timeMs: event.timeMs, onTimeMs });
    }
    if (event.timeMs < newest - latenessMs) {
      return policed(late, { name: "LATE", timeMs: event.timeMs, onTimeMs: newest });
    }
    return { timeliness: Timeliness.ON_TIME, timeMs: event.timeMs, learns: true };
  }

  private valueOf(feature: Feature, moment: Moment): FeatureValue {
    const { what } = feature;
    const found =
      what.kind === "aggregate"
        ? aggregateOf(what, moment)
        : what.kind === "encode"
          ? encodedOf(what, moment)
          : this.combined(what, moment);
    const { value, slack = 0 } = typeof found === "object" ? found : { value: found };
    if (value !== undefined && Number.isFinite(value)) {
      return { value, defaulted: false, slack };
    }
    if (Number.isNaN(feature.defaultValue)) return { value: 0, defaulted: false, slack: 0 };
    return { value: feature.defaultValue, defaulted: true, slack: 0 };
  }

  private combined(
    what: Extract<Feature["what"], { kind: "ratio" | "difference" }>,
    moment: Moment,
  ): Found {
    const [of, to] = [what.of, what.to].map((name) => {
      const feature = this.features.find((other) => other.name === name);
      if (feature !== undefined) return this.valueOf(feature, moment);
      const value = moment.current?.values.get(name);
      return { value: typeof value === "number" ? value : Number.NaN, slack: 0 };
    });
    if (of === undefined || to === undefined) return undefined;
    if (what.kind === "difference") return of.value - to.value;
    return to.value === 0 ? undefined : of.value / to.value;
  }
}

function policed(
  policy: EventTime["late"],
  { name, timeMs, onTimeMs }: { name: "LATE" | "FUTURE"; timeMs: number; onTimeMs: number },
): { timeliness: Timeliness; timeMs: number | undefined; learns: boolean } {
  if (policy === "refuse") {
    return { timeliness: Timeliness[`${name}_REFUSED`], timeMs: undefined, learns: false };
  }
  return policy === "score_only"
    ? { timeliness: Timeliness[name], timeMs, learns: false }
    : { timeliness: Timeliness[name], timeMs: onTimeMs, learns: true };
}
