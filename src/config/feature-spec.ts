import type { Aggregate, Feature, Input } from "../domain/detector.ts";
import { isBeforeEvent } from "../features/program.ts";
import { readDuration } from "./duration.ts";
import {
  aggregateNames,
  aggregateTraits,
  encodeNames,
  encodeTraits,
  havingField,
  traitFields,
  type Trait,
} from "./feature-traits.ts";
import {
  allEvents,
  isGiven,
  readFeatureWindow,
  readFilter,
  unknownInput,
} from "./feature-window-spec.ts";
import { limits } from "./limits.ts";
import { MessageReader, type EnumTable } from "./message-reader.ts";
import { didYouMean, show, type Path } from "./problems.ts";

/** What absent means: the contract's own numbers. */
const defaults = { lag: 1, sequence: 2, hashes: 1000, unitMs: 1000 } as const;

const fields = [
  "name",
  "of",
  "aggregate",
  "window",
  "where",
  "default_value",
  "exclude_current",
  "quantile",
  "category",
  "n",
  "unit",
  "encode",
  "ratio",
  "difference",
  "hidden",
];

const magnitude = { min: -limits.magnitudeMax, max: limits.magnitudeMax };

function enumOf<T extends string>(prefix: string, names: readonly T[]): EnumTable<T | undefined> {
  return {
    prefix,
    unspecified: undefined,
    values: names.map((name) => [name.toUpperCase(), name] as const),
  };
}
const aggregates = enumOf("AGGREGATE_", aggregateNames);
const encodes = enumOf("ENCODE_", encodeNames);

type What = Feature["what"];

/** What features are read against. */
interface Context {
  readonly inputs: ReadonlyMap<string, Input>;
  readonly exactEvents: number;
}

/** The features of a DetectorSpec; what is wrong with them is noted in the reader's problems. */
export function readFeatures(
  spec: MessageReader,
  inputs: readonly Input[],
  exactEvents: number,
): readonly Feature[] {
  const context = { inputs: new Map(inputs.map((input) => [input.name, input])), exactEvents };
  const features: Feature[] = [];
  const paths: Path[] = [];
  const names = new Set<string>();
  for (const { value, path } of spec.list("features", limits.derivedFeaturesMax)) {
    const reader = new MessageReader(value, path, fields, spec.problems);
    const name = reader.name("name", limits.inputNameBytesMax);
    if (context.inputs.has(name)) reader.wrong("name", `${show(name)} is the name of an input`);
    if (name !== "" && names.has(name)) reader.wrong("name", `${show(name)} is declared twice`);
    names.add(name);
    features.push({ name, seen: !reader.bool("hidden"), ...readWhat(reader, context) });
    paths.push(path);
  }
  checkOperands(features, paths, { ...context, problems: spec.problems });
  return features;
}

const ways = ["aggregate", "encode", "ratio", "difference"] as const;

function readWhat(reader: MessageReader, context: Context): Pick<Feature, "what" | "defaultValue"> {
  const [way, ...others] = ways.filter((name) => isWay(reader, name));
  if (others.length > 0) {
    const got = [way, ...others].join(" and ");
    reader.problems.add(reader.path, `got ${got}, expected exactly one of ${ways.join(", ")}`);
  }
  if (way === "ratio" || way === "difference") return readCombination(reader, way);
  if (way === "encode") return readEncode(reader, context);
  return readAggregate(reader, context);
}

function isWay(reader: MessageReader, name: (typeof ways)[number]): boolean {
  if (name === "ratio" || name === "difference") return reader.has(name);
  const value = reader.raw(name);
  return isGiven(reader, name) && value !== `${name.toUpperCase()}_UNSPECIFIED`;
}

function readAggregate(
  reader: MessageReader,
  context: Context,
): Pick<Feature, "what" | "defaultValue"> {
  const aggregate = reader.enumeration("aggregate", aggregates);
  if (aggregate === undefined) {
    if (reader.readable && !isWay(reader, "aggregate")) {
      const expected = `expected one of ${aggregateNames.join(", ")}`;
      reader.wrong("aggregate", `is missing: ${expected}; or encode, ratio or difference`);
    }
    return { defaultValue: 0, what: { kind: "difference", of: "", to: "" } };
  }
  const trait = aggregateTraits[aggregate];
  checkFields(reader, aggregate, trait);
  const of = readOf(reader, context.inputs, aggregate, trait);
  const hasField = (name: Trait["fields"][number]) => trait.fields.includes(name);
  const { exactEvents } = context;
  const what: What = {
    kind: "aggregate",
    aggregate,
    of: of?.name ?? "",
    window: hasField("window")
      ? readFeatureWindow(reader, { exactEvents, hasValue: isGiven(reader, "of") })
      : allEvents,
    where: readFilter(reader, context.inputs),
    excludeCurrent: reader.bool("exclude_current") || isBeforeEvent(aggregate),
    quantile: hasField("quantile") ? readQuantile(reader) : 0,
    category: readCategory(reader, of),
    n: readN(reader, aggregate, exactEvents),
    unitMs: readDuration(reader, "unit", { min: 1 }) ?? defaults.unitMs,
  };
  return { defaultValue: readDefault(reader, aggregate, trait), what };
}

function readEncode(
  reader: MessageReader,
  context: Context,
): Pick<Feature, "what" | "defaultValue"> {
  const encode = reader.enumeration("encode", encodes) ?? "label";
  const trait = encodeTraits[encode];
  checkFields(reader, encode, trait);
  const of = readOf(reader, context.inputs, encode, trait);
  const { exactEvents } = context;
  if (encode === "onehot" && !isGiven(reader, "category")) {
    reader.wrong("category", "is missing: onehot is 1 where the event's category is this one");
  }
  return {
    defaultValue: reader.double("default_value", magnitude) ?? 0,
    what: {
      kind: "encode",
      encode,
      of: of?.name ?? "",
      window:
        encode === "frequency"
          ? readFeatureWindow(reader, { exactEvents, hasValue: true })
          : allEvents,
      category: readCategory(reader, of),
      n:
        encode === "hash"
          ? reader.count("n", { min: 2, max: limits.categoryHashesMax, default: defaults.hashes })
          : 0,
    },
  };
}

function readCombination(
  reader: MessageReader,
  kind: "ratio" | "difference",
): Pick<Feature, "what" | "defaultValue"> {
  const path = [...reader.path, kind];
  const operands = new MessageReader(reader.raw(kind), path, ["of", "to"], reader.problems);
  for (const name of ["of", ...traitFields]) {
    if (isGiven(reader, name)) {
      reader.wrong(name, `is not of a ${kind}, which is of two features or number inputs`);
    }
  }
  for (const name of ["of", "to"]) {
    if (operands.readable && !isGiven(operands, name)) {
      operands.wrong(name, "is missing: expected the name of a feature or of a number input");
    }
  }
  const empty =
    kind === "ratio" ? "there is none where the divisor is 0" : "an operand may be missing";
  return {
    defaultValue: readDefault(reader, kind, { of: "any", fields: [], empty }),
    what: {
      kind,
      of: operands.text("of", limits.inputNameBytesMax),
      to: operands.text("to", limits.inputNameBytesMax),
    },
  };
}

/** Notes fields that the way to compute a feature has none of. */
function checkFields(reader: MessageReader, way: string, trait: Trait): void {
  for (const field of traitFields) {
    if (isGiven(reader, field) && !trait.fields.includes(field)) {
      reader.wrong(field, `is of ${havingField(field)}; ${way} has none`);
    }
  }
}

const kindsOfInput: Readonly<Record<Trait["of"], string>> = {
  number: "a number input",
  category: "a category input",
  value: "an input",
  any: "an input",
};

// oxlint-disable-next-line max-params -- where, of what, and for what
function readOf(
  reader: MessageReader,
  inputs: ReadonlyMap<string, Input>,
  way: string,
  trait: Trait,
): Input | undefined {
  const fits = (input: Input) =>
    trait.of === "any" || trait.of === "value" || input.type === trait.of;
  if (!isGiven(reader, "of")) {
    if (trait.of !== "any") {
      reader.wrong("of", `is missing: ${way} is of ${kindsOfInput[trait.of]}`);
    }
    return undefined;
  }
  const written = reader.text("of", limits.inputNameBytesMax);
  if (written === "") return undefined;
  const input = inputs.get(written);
  const candidates = [...inputs.values()].filter(fits).map(({ name }) => name);
  if (input === undefined) {
    unknownInput([...reader.path, "of"], written, candidates, reader.problems);
  } else if (!fits(input)) {
    reader.wrong("of", misfit(input, way, trait));
    return undefined;
  }
  return input;
}

function misfit({ name, type }: Input, way: string, trait: Trait): string {
  const fitting = [...Object.entries(aggregateTraits), ...Object.entries(encodeTraits)]
    .filter(([, other]) => other.of === type)
    .map(([other]) => other);
  const also = type === "category" ? ["count", "distinct", ...fitting] : ["count", ...fitting];
  return `${way} is of ${kindsOfInput[trait.of]}, and ${show(name)} is a ${type}, which has ${also.join(", ")}`;
}

function readQuantile(reader: MessageReader): number {
  const quantile = reader.double("quantile", { min: 0, max: 1 });
  if (!reader.has("quantile")) reader.wrong("quantile", "is missing: write 0.5 for the median");
  return quantile ?? 0;
}

function readCategory(reader: MessageReader, of: Input | undefined): string {
  const category = reader.text("category", limits.categoryBytesMax);
  if (category !== "" && of?.type !== "category" && isGiven(reader, "aggregate")) {
    reader.wrong("category", "needs a category input: write of: and its name");
  }
  return category;
}

function readN(reader: MessageReader, aggregate: Aggregate, exactEvents: number): number {
  if (aggregate === "novelty") {
    return reader.count("n", { min: 2, max: limits.sequenceMax, default: defaults.sequence });
  }
  if (aggregate !== "lag") return 0;
  const most = limits.exactEventsMax;
  const n = reader.count("n", { min: 1, max: most, default: defaults.lag });
  if (n > exactEvents) {
    reader.wrong(
      "n",
      `got ${n}, expected at most ${exactEvents}, the events that a key's log holds: raise event_time.exact_events`,
    );
  }
  return n;
}

/** NaN of what always has a value. */
function readDefault(reader: MessageReader, way: string, { empty }: Trait): number {
  const value = reader.double("default_value", magnitude);
  if (empty === undefined) {
    if (reader.has("default_value")) {
      reader.wrong("default_value", `is not of ${way}: of an empty window it is 0`);
    }
    return Number.NaN;
  }
  if (!reader.has("default_value")) {
    reader.wrong(
      "default_value",
      `is missing: ${way} may have no value (${empty}); write the number that is taken then, for example default_value: 0`,
    );
  }
  return value ?? 0;
}

function isCombined({ what }: Feature): boolean {
  return what.kind === "ratio" || what.kind === "difference";
}

/** Operands are features of the other kinds, or number inputs. */
function checkOperands(
  features: readonly Feature[],
  paths: readonly Path[],
  { inputs, problems }: Context & { readonly problems: MessageReader["problems"] },
): void {
  const byName = new Map(features.map((feature) => [feature.name, feature]));
  features.forEach(({ what }, i) => {
    if (what.kind !== "ratio" && what.kind !== "difference") return;
    for (const side of ["of", "to"] as const) {
      const name = what[side];
      const path = [...(paths[i] ?? []), what.kind, side];
      const feature = byName.get(name);
      const input = inputs.get(name);
      if (name === "") continue;
      if (feature === undefined && input === undefined) {
        const hint = didYouMean(name, [...byName.keys(), ...inputs.keys()]);
        problems.add(path, `got ${show(name)}, which is no feature and no declared input${hint}`);
      } else if (feature !== undefined && isCombined(feature)) {
        problems.add(
          path,
          `got ${show(name)}, which is a ${feature.what.kind} itself: expected an aggregate, an encoding or a number input`,
        );
      } else if (input?.type === "category") {
        problems.add(path, `got ${show(name)}, which is a category: expected a number`);
      }
    }
  });
}
