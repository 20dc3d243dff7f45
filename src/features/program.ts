import { isWindowModel } from "../domain/detector.ts";
import type {
  Aggregate,
  DetectorConfig,
  Feature,
  FeatureFilter,
  FeatureProgram,
  FeatureWindow,
  Input,
} from "../domain/detector.ts";
import {
  FeatureField,
  FeatureNumber,
  FilterNumber,
  Group,
  NeedBits,
  Program,
  TimePolicyNumber,
  WindowNumber,
} from "../shard/feature-program.ts";
import { categoryCode } from "./category-code.ts";
import { timeZoneTransitions, type Transitions } from "./time-zone.ts";

/** What a key keeps of the events that several features share. */
export interface FeatureGroup {
  readonly window: FeatureWindow;
  /** Input name; "" = the events themselves. */
  readonly of: string;
  readonly where: FeatureFilter | undefined;
  readonly excludeCurrent: boolean;
  /** NeedBits. */
  needs: number;
  /** The largest n of its lags. */
  lags: number;
  /** n of its novelties, those with another n are of another group; 0 = it has none. */
  sequence: number;
}

/** Features with the groups that they are computed from. */
export interface FeaturePlan {
  readonly groups: readonly FeatureGroup[];
  /** By index in `DetectorConfig.features`: index of its group, -1 = it needs none. */
  readonly groupOf: readonly number[];
}

type Spec = Pick<DetectorConfig, "features" | "eventTime" | "model" | "inputs">;

/** What the kernel needs to derive a detector's features; undefined = it has none. `seen`: Detector.features. */
export function compileFeatures(config: Spec, seen: readonly Input[]): FeatureProgram | undefined {
  if (config.features.length === 0) return undefined;
  const read = namesRead(config.features);
  const own = config.inputs.filter((input) => read.has(input.name) && !seen.includes(input));
  const sources = Object.freeze([...own, ...seen]);
  const order = kernelOrder(config.features);
  const derived = order.flatMap((index) => {
    const feature = config.features[index];
    return feature?.seen === true ? [feature.name] : [];
  });
  return Object.freeze({
    sources,
    modelFirst: own.length,
    columns: Object.freeze([...seen.map(({ name }) => name), ...derived]),
    order: Object.freeze(order),
    block: programBlock(config, { sources, modelFirst: own.length, order }),
  });
}

/** Events that several features are computed from are kept once. */
export function planFeatures({ features, inputs }: Spec): FeaturePlan {
  const categories = new Set(
    inputs.flatMap(({ name, type }) => (type === "category" ? [name] : [])),
  );
  const groups: FeatureGroup[] = [];
  const keys: string[] = [];
  const groupOf = features.map((feature) => {
    const wanted = groupFor(feature, (name) => categories.has(name));
    if (wanted === undefined) return -1;
    const { needs, lags, sequence, ...events } = wanted;
    const key = JSON.stringify(events);
    const known = groups.findIndex(
      (group, i) =>
        keys[i] === key && (group.sequence === 0 || sequence === 0 || group.sequence === sequence),
    );
    const group = groups[known];
    if (group === undefined) {
      keys.push(key);
      return groups.push(wanted) - 1;
    }
    group.needs |= needs;
    group.lags = Math.max(group.lags, lags);
    group.sequence = Math.max(group.sequence, sequence);
    return known;
  });
  return { groups, groupOf };
}

const needsOf = {
  count: 0,
  sum: NeedBits.moments,
  mean: NeedBits.moments,
  std: NeedBits.moments,
  variance: NeedBits.moments,
  min: NeedBits.extremes,
  max: NeedBits.extremes,
  range: NeedBits.extremes,
  first: NeedBits.ends,
  last: NeedBits.ends,
  delta: NeedBits.ends,
  zscore: NeedBits.moments,
  quantile: NeedBits.quantiles,
  distinct: NeedBits.distinct,
  rate: 0,
  time_since: 0,
  share: NeedBits.counts,
  entropy: NeedBits.counts,
  lag: NeedBits.lags,
  novelty: NeedBits.transitions,
} as const;

/** The four that look at the members before an event only: they may share the group of features that count it. */
export function isBeforeEvent(aggregate: Aggregate): boolean {
  return ["zscore", "time_since", "lag", "novelty"].includes(aggregate);
}

function groupFor(
  { what }: Feature,
  isCategory: (name: string) => boolean,
): FeatureGroup | undefined {
  if (what.kind === "encode") {
    if (what.encode !== "label" && what.encode !== "frequency") return undefined;
    return {
      window: what.window,
      of: what.of,
      where: undefined,
      excludeCurrent: false,
      needs: what.encode === "label" ? NeedBits.labels : NeedBits.counts,
      lags: 0,
      sequence: 0,
    };
  }
  if (what.kind !== "aggregate") return undefined;
  const { aggregate, of, window, where, n } = what;
  return {
    window,
    of,
    where,
    excludeCurrent: what.excludeCurrent && !isBeforeEvent(aggregate),
    needs: aggregate === "time_since" && isCategory(of) ? NeedBits.lastTimes : needsOf[aggregate],
    lags: aggregate === "lag" ? n : 0,
    sequence: aggregate === "novelty" ? n : 0,
  };
}

/** Names of the inputs that features look at. */
function namesRead(features: readonly Feature[]): ReadonlySet<string> {
  return new Set(
    features.flatMap(({ what }) => {
      if (what.kind === "encode") return [what.of];
      if (what.kind !== "aggregate") return [what.of, what.to];
      return what.where === undefined ? [what.of] : [what.of, what.where.input];
    }),
  );
}

/** Those that the model sees are columns beside each other. */
function kernelOrder(features: readonly Feature[]): number[] {
  const indices = features.map((_, index) => index);
  return [
    ...indices.filter((index) => features[index]?.seen === true),
    ...indices.filter((index) => features[index]?.seen !== true),
  ];
}

interface Layout {
  readonly sources: readonly Input[];
  readonly modelFirst: number;
  readonly order: readonly number[];
}

function programBlock(config: Spec, layout: Layout): Float64Array {
  const { features, eventTime, model } = config;
  const { sources, modelFirst, order } = layout;
  const seen = features.filter((feature) => feature.seen).length;
  const plan = planFeatures(config);
  const zones = zonesOf(plan.groups);
  const featuresAt = Program.length + Group.length * plan.groups.length;
  const zonesAt = featuresAt + FeatureField.length * features.length;
  const block = new Float64Array(zonesAt + 2 * zones.transitions.length);
  block[Program.sources] = sources.length;
  block[Program.features] = features.length;
  block[Program.modelFirst] = modelFirst;
  block[Program.modelColumns] = sources.length - modelFirst + seen;
  block[Program.latenessMs] = eventTime.latenessMs;
  block[Program.futureToleranceMs] = eventTime.futureToleranceMs;
  block[Program.late] = TimePolicyNumber[eventTime.late];
  block[Program.future] = TimePolicyNumber[eventTime.future];
  block[Program.exactEvents] = eventTime.exactEvents;
  block[Program.groups] = plan.groups.length;
  block[Program.transitions] = zones.transitions.length;
  block[Program.oneCell] = isWindowModel(model) && model.scope === "detector" ? 1 : 0;
  const sourceOf = (name: string) => sources.findIndex((source) => source.name === name);
  plan.groups.forEach((group, index) => {
    const at = Program.length + Group.length * index;
    putGroup(block.subarray(at, at + Group.length), group, sourceOf);
    putZone(block.subarray(at, at + Group.length), group, zones);
  });
  const names = order.map((index) => features[index]?.name ?? "");
  order.forEach((index, position) => {
    const feature = features[index];
    if (feature === undefined) return;
    const at = featuresAt + FeatureField.length * position;
    const fields = block.subarray(at, at + FeatureField.length);
    putFeature(fields, feature, (name) => operand(names.indexOf(name), sourceOf(name)));
    fields[FeatureField.group] = plan.groupOf[index] ?? -1;
    fields[FeatureField.source] =
      feature.what.kind === "ratio" || feature.what.kind === "difference"
        ? -1
        : sourceOf(feature.what.of);
  });
  block.set(zones.transitions.flat(), zonesAt);
  return block;
}

/** Of a ratio: a feature by its position, or a source as -1 - its index. */
function operand(position: number, source: number): number {
  return position >= 0 ? position : -1 - source;
}

function putGroup(
  fields: Float64Array,
  { window, of, where, excludeCurrent, needs, lags, sequence }: FeatureGroup,
  sourceOf: (name: string) => number,
): void {
  fields[Group.window] = WindowNumber[window.kind === "calendar" ? window.unit : window.kind];
  putWindow(fields, window);
  // No input has the name "".
  fields[Group.source] = sourceOf(of);
  fields[Group.filterSource] = where === undefined ? -1 : sourceOf(where.input);
  fields[Group.filterOp] = where === undefined ? FilterNumber.none : FilterNumber[where.op];
  const value = where?.value ?? 0;
  fields[Group.filterValue] = typeof value === "string" ? categoryCode(value) : value;
  fields[Group.excludeCurrent] = excludeCurrent ? 1 : 0;
  fields[Group.needs] = needs;
  fields[Group.lags] = lags;
  fields[Group.sequence] = sequence;
}

function putWindow(fields: Float64Array, window: FeatureWindow): void {
  switch (window.kind) {
    case "sliding":
    case "tumbling":
      fields[Group.size] = window.sizeMs;
      break;
    case "hopping":
      fields[Group.size] = window.sizeMs;
      fields[Group.slide] = window.slideMs;
      break;
    case "session":
      fields[Group.size] = window.gapMs;
      break;
    case "last":
      fields[Group.size] = window.events;
      break;
    case "global":
      fields[Group.slide] = window.everyEvents;
      fields[Group.every] = window.everyMs;
      fields[Group.onChange] = window.onChange ? 1 : 0;
      break;
    case "calendar":
      break;
    default:
      window satisfies never;
  }
}

function putFeature(
  fields: Float64Array,
  { what, defaultValue }: Feature,
  operandOf: (name: string) => number,
): void {
  fields[FeatureField.defaultValue] = defaultValue;
  fields[FeatureField.category] = Number.NaN;
  switch (what.kind) {
    case "aggregate": {
      const { aggregate, quantile, unitMs, n, category } = what;
      fields[FeatureField.kind] = FeatureNumber[aggregate];
      if (aggregate === "quantile") fields[FeatureField.parameter] = quantile;
      else if (aggregate === "rate" || aggregate === "time_since")
        fields[FeatureField.parameter] = unitMs;
      else fields[FeatureField.parameter] = n;
      if (category !== "") fields[FeatureField.category] = categoryCode(category);
      break;
    }
    case "encode":
      fields[FeatureField.kind] = FeatureNumber[what.encode];
      fields[FeatureField.parameter] = what.n;
      if (what.category !== "") fields[FeatureField.category] = categoryCode(what.category);
      break;
    case "ratio":
    case "difference":
      fields[FeatureField.kind] = FeatureNumber[what.kind];
      fields[FeatureField.of] = operandOf(what.of);
      fields[FeatureField.to] = operandOf(what.to);
      break;
    default:
      what satisfies never;
  }
}

interface Zones {
  readonly transitions: Transitions;
  /** By name: index of the zone's first transition, and how many it has. */
  readonly places: ReadonlyMap<string, readonly [first: number, count: number]>;
}

function zonesOf(groups: readonly FeatureGroup[]): Zones {
  const transitions: (readonly [number, number])[] = [];
  const places = new Map<string, readonly [number, number]>();
  for (const { window } of groups) {
    if (window.kind !== "calendar" || places.has(window.timeZone)) continue;
    const own = timeZoneTransitions(window.timeZone);
    places.set(window.timeZone, [transitions.length, own.length]);
    transitions.push(...own);
  }
  return { transitions, places };
}

function putZone(fields: Float64Array, { window }: FeatureGroup, zones: Zones): void {
  if (window.kind !== "calendar") return;
  const [first, count] = zones.places.get(window.timeZone) ?? [0, 0];
  fields[Group.zone] = first;
  fields[Group.zoneTransitions] = count;
}
