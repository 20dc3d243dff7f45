import {
  FeatureField,
  FeatureNumber,
  Group,
  NeedBits,
  Program,
  WindowNumber,
} from "../../src/shard/feature-program.ts";

type Fields<T> = Readonly<Partial<Record<Exclude<keyof T, "length">, number>>>;

/** A feature program, field by field: what is absent is 0. */
interface ProgramParts {
  readonly header?: Fields<typeof Program>;
  readonly groups?: readonly Fields<typeof Group>[];
  readonly features?: readonly Fields<typeof FeatureField>[];
  readonly transitions?: readonly (readonly [fromMs: number, offsetMs: number])[];
}

/** As the kernel reads it; the header's counts are those of the parts where they are absent. */
export function programBlock(parts: ProgramParts): Float64Array {
  const { groups = [], features = [], transitions = [], header = {} } = parts;
  const featuresAt = Program.length + groups.length * Group.length;
  const transitionsAt = featuresAt + features.length * FeatureField.length;
  const block = new Float64Array(transitionsAt + 2 * transitions.length);
  const counts = {
    exactEvents: 64,
    groups: groups.length,
    features: features.length,
    transitions: transitions.length,
  };
  put(block, Program, { ...counts, ...header });
  for (const [i, group] of groups.entries()) {
    put(block.subarray(Program.length + i * Group.length), Group, group);
  }
  for (const [i, feature] of features.entries()) {
    put(block.subarray(featuresAt + i * FeatureField.length), FeatureField, feature);
  }
  block.set(transitions.flat(), transitionsAt);
  return block;
}

function put(
  block: Float64Array,
  offsets: Readonly<Record<string, number>>,
  fields: Readonly<Partial<Record<string, number>>>,
): void {
  for (const [name, value] of Object.entries(fields)) {
    const at = offsets[name];
    if (at === undefined || value === undefined) throw new Error(`no field ${name}`);
    block[at] = value;
  }
}

const minute = 60_000;

/** A window of an hour over the second of two or more sources, and one over the last 5 events. */
const someGroups: readonly Fields<typeof Group>[] = [
  {
    window: WindowNumber.sliding,
    size: 60 * minute,
    source: 1,
    needs: NeedBits.moments | NeedBits.extremes,
  },
  { window: WindowNumber.last, size: 5, source: -1, needs: NeedBits.ends },
];

/** Their count, mean, largest value, and the seconds since the event before. */
const someFeatures: readonly Fields<typeof FeatureField>[] = [
  { kind: FeatureNumber.count, source: 1, category: NaN, defaultValue: NaN },
  { kind: FeatureNumber.mean, source: 1, category: NaN, defaultValue: -1 },
  { kind: FeatureNumber.max, source: 1, category: NaN, defaultValue: -2 },
  {
    kind: FeatureNumber.time_since,
    group: 1,
    source: -1,
    parameter: 1000,
    category: NaN,
    defaultValue: 3600,
  },
];

/** How many of the features the model sees, and from which of the sources on. */
export interface ProgramShape {
  readonly sources: number;
  readonly modelFirst?: number;
  readonly seen?: number;
  readonly header?: Fields<typeof Program>;
}

/** `someFeatures` of `someGroups`. */
export function someProgram({ sources, modelFirst = 0, seen = 4, header = {} }: ProgramShape): {
  readonly features: number;
  readonly program: Float64Array;
} {
  const features = sources - modelFirst + seen;
  return {
    features,
    program: programBlock({
      header: {
        sources,
        modelFirst,
        modelColumns: features,
        latenessMs: 0,
        futureToleranceMs: 5 * minute,
        late: 1,
        ...header,
      },
      groups: someGroups,
      features: someFeatures,
    }),
  };
}
