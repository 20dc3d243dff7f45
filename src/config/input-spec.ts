import type { Encoding, Input, Missing } from "../domain/detector.ts";
import { limits } from "./limits.ts";
import { MessageReader, type EnumTable } from "./message-reader.ts";
import { show, type Path, type Problems } from "./problems.ts";

const magnitude = { min: -limits.magnitudeMax, max: limits.magnitudeMax };

const inputTypes: EnumTable<Input["type"]> = {
  prefix: "INPUT_TYPE_",
  unspecified: "number",
  values: [
    ["NUMBER", "number"],
    ["CATEGORY", "category"],
  ],
};
const missings: EnumTable<Missing | undefined> = {
  prefix: "MISSING_",
  unspecified: undefined,
  values: [
    ["REFUSE", "refuse"],
    ["DEFAULT", "default"],
    ["MODEL", "model"],
  ],
};
const encodings: EnumTable<Encoding | undefined> = {
  prefix: "ENCODING_",
  unspecified: undefined,
  values: [
    ["HASH", "hash"],
    ["LABEL", "label"],
    ["ONEHOT", "onehot"],
    ["BINARY", "binary"],
    ["FREQUENCY", "frequency"],
  ],
};

/** The inputs of a DetectorSpec; what is wrong with them is noted in the reader's problems. */
export function readInputs(spec: MessageReader, isWindow: boolean): readonly Input[] {
  const hasFeatures = hasElements(spec.raw("features"));
  const inputs: Input[] = [];
  const problemsBefore = spec.problems.list.length;
  const names = new Set<string>();
  const columns = { number: 0, category: 0 };
  for (const { value, path } of spec.list("inputs", limits.inputsMax)) {
    const input = readInput(value, path, spec.problems);
    checkEncoding(input, [...path, "encoding"], { isWindow, hasFeatures, problems: spec.problems });
    if (names.has(input.name)) {
      spec.problems.add([...path, "name"], `${show(input.name)} is declared twice`);
    }
    if (input.name !== "") names.add(input.name);
    inputs.push({ ...input, column: columns[input.type]++, position: inputs.length });
  }
  if (spec.problems.list.length === problemsBefore) {
    const wrong = noneSeen(inputs, isWindow, hasFeatures);
    if (wrong !== undefined) spec.wrong("inputs", wrong);
  }
  return inputs;
}

/** What inputs lack that a model needs. */
function noneSeen(
  inputs: readonly Input[],
  isWindow: boolean,
  hasFeatures: boolean,
): string | undefined {
  if (hasFeatures) {
    return inputs.length > 0 ? undefined : "expected the inputs that the features are derived from";
  }
  if (inputs.some(isSeen) || (isWindow && inputs.length === 0)) return undefined;
  return "expected at least one number input that is not rules_only: the model needs a feature";
}

function checkEncoding(
  { encoding }: Pick<Input, "encoding">,
  path: Path,
  detector: {
    readonly isWindow: boolean;
    readonly hasFeatures: boolean;
    readonly problems: Problems;
  },
): void {
  if (encoding === undefined) return;
  if (detector.hasFeatures) {
    detector.problems.add(
      path,
      `is not of detectors with features: write a feature with encode: ${encoding}`,
    );
  } else if (!detector.isWindow) {
    detector.problems.add(
      path,
      "is of models that train on a window: half_space_trees sees numbers only",
    );
  }
}

function hasElements(list: unknown): boolean {
  return Array.isArray(list) && list.length > 0;
}

/** Whether the model sees an input. */
export function isSeen(input: Input): boolean {
  return input.type === "number" ? !input.rulesOnly : input.encoding !== undefined;
}

function readInput(
  value: unknown,
  path: Path,
  problems: Problems,
): Omit<Input, "column" | "position"> {
  const fields = ["name", "type", "default_value", "missing", "rules_only", "encoding"];
  const reader = new MessageReader(value, path, fields, problems);
  const name = reader.name("name", limits.inputNameBytesMax);
  const type = reader.enumeration("type", inputTypes);
  const defaultValue = reader.double("default_value", magnitude);
  const asked = reader.enumeration("missing", missings);
  checkDefault(reader, type, asked);
  const encoding = readEncoding(reader, type);
  const missing = asked ?? (defaultValue === undefined ? "refuse" : "default");
  return {
    name,
    type,
    defaultValue: missing === "default" ? (defaultValue ?? NaN) : NaN,
    missing,
    rulesOnly: reader.bool("rules_only"),
    ...(encoding === undefined ? {} : { encoding }),
  };
}

function checkDefault(
  reader: MessageReader,
  type: Input["type"],
  asked: Missing | undefined,
): void {
  if (type === "category" && reader.has("default_value")) {
    reader.wrong("default_value", "only number inputs have a default value");
  }
  if (asked === "default" && !reader.has("default_value")) {
    const expected = type === "number" ? "needs a default_value" : "is for number inputs only";
    reader.wrong("missing", `"default" ${expected}`);
  }
}

function readEncoding(reader: MessageReader, type: Input["type"]): Encoding | undefined {
  const encoding = reader.enumeration("encoding", encodings);
  if (type === "number" && encoding !== undefined) {
    reader.wrong("encoding", "only category inputs have an encoding");
  }
  return encoding;
}
