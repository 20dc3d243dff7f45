import type {
  DetectorConfig,
  EventTime,
  Feature,
  FeatureFilter,
  FeatureWindow,
} from "../domain/detector.ts";
import { formatDuration } from "./duration.ts";
import { aggregateTraits, encodeTraits } from "./feature-traits.ts";

/** Features and event time of a DetectorSpec in its proto3 JSON mapping, every default filled in. */
export interface FeaturesJson {
  readonly features?: readonly FeatureJson[];
  readonly eventTime?: {
    readonly allowedLateness: string;
    readonly late: string;
    readonly futureTolerance: string;
    readonly future: string;
    readonly exactEvents: number;
  };
}

interface FeatureJson {
  readonly name: string;
  readonly of?: string;
  readonly aggregate?: string;
  readonly window?: WindowJson;
  readonly where?: Readonly<Record<string, string | number>>;
  readonly defaultValue?: number;
  readonly excludeCurrent?: boolean;
  readonly quantile?: number;
  readonly category?: string;
  readonly n?: number;
  readonly unit?: string;
  readonly encode?: string;
  readonly ratio?: { readonly of: string; readonly to: string };
  readonly difference?: { readonly of: string; readonly to: string };
  readonly hidden: boolean;
}

interface WindowJson {
  readonly sliding?: string;
  readonly hopping?: { readonly size: string; readonly slide: string };
  readonly tumbling?: string;
  readonly session?: string;
  readonly last?: number;
  readonly global?: {
    readonly everyEvents?: number;
    readonly every?: string;
    readonly onChange?: boolean;
  };
  readonly timeZone?: string;
}

/** Nothing of a detector without features. */
export function describeFeatures({
  features,
  eventTime,
}: Pick<DetectorConfig, "features" | "eventTime">): FeaturesJson {
  if (features.length === 0) return {};
  return { features: features.map(describeFeature), eventTime: describeTime(eventTime) };
}

function describeTime(time: EventTime): NonNullable<FeaturesJson["eventTime"]> {
  return {
    allowedLateness: formatDuration(time.latenessMs),
    late: `TIME_POLICY_${time.late.toUpperCase()}`,
    futureTolerance: formatDuration(time.futureToleranceMs),
    future: `TIME_POLICY_${time.future.toUpperCase()}`,
    exactEvents: time.exactEvents,
  };
}

function describeFeature({ name, seen, defaultValue, what }: Feature): FeatureJson {
  return {
    name,
    ...describeWhat(what),
    ...(Number.isNaN(defaultValue) ? {} : { defaultValue }),
    hidden: !seen,
  };
}

function describeWhat(what: Feature["what"]): Partial<FeatureJson> {
  switch (what.kind) {
    case "aggregate": {
      const { aggregate, of, where } = what;
      const full = {
        window: describeWindow(what.window),
        excludeCurrent: what.excludeCurrent,
        quantile: what.quantile,
        category: what.category,
        n: what.n,
        unit: formatDuration(what.unitMs),
      };
      return {
        ...(of === "" ? {} : { of }),
        aggregate: `AGGREGATE_${aggregate.toUpperCase()}`,
        ...only(full, aggregateTraits[aggregate].fields),
        ...(where === undefined ? {} : { where: describeFilter(where) }),
      };
    }
    case "encode": {
      const { encode, of } = what;
      const full = { window: describeWindow(what.window), category: what.category, n: what.n };
      return {
        of,
        encode: `ENCODE_${encode.toUpperCase()}`,
        ...only(full, encodeTraits[encode].fields),
      };
    }
    case "ratio":
    case "difference":
      return { [what.kind]: { of: what.of, to: what.to } };
    default:
      return what satisfies never;
  }
}

const snakeNames: Readonly<Record<string, string>> = { excludeCurrent: "exclude_current" };

/** The fields that a way to compute a feature has. */
function only<T extends object>(full: T, fields: readonly string[]): Partial<T> {
  const entries = Object.entries(full).filter(([name]) =>
    fields.includes(snakeNames[name] ?? name),
  );
  return Object.assign<Partial<T>, object>({}, Object.fromEntries(entries));
}

function describeFilter({ input, op, value }: FeatureFilter): Record<string, string | number> {
  const name = op.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return { input, [name]: value };
}

function describeWindow(window: FeatureWindow): WindowJson {
  switch (window.kind) {
    case "sliding":
      return { sliding: formatDuration(window.sizeMs) };
    case "hopping":
      return {
        hopping: { size: formatDuration(window.sizeMs), slide: formatDuration(window.slideMs) },
      };
    case "tumbling":
      return { tumbling: formatDuration(window.sizeMs) };
    case "calendar":
      return { tumbling: window.unit, timeZone: window.timeZone };
    case "session":
      return { session: formatDuration(window.gapMs) };
    case "last":
      return { last: window.events };
    case "global":
      return {
        global: {
          ...(window.everyEvents === 0 ? {} : { everyEvents: window.everyEvents }),
          ...(window.everyMs === 0 ? {} : { every: formatDuration(window.everyMs) }),
          ...(window.onChange ? { onChange: true } : {}),
        },
      };
    default:
      return window satisfies never;
  }
}
