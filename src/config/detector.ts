import type { Detector, DetectorConfig, Input, RowEncoding } from "../domain/detector.ts";
import { compileFeatures } from "../features/program.ts";
import { compileRules } from "../rules/compile.ts";

/**
 * A detector that can serve: its configuration with everything derived from it. `slot` is the index of its state in every
 * shard. `ruleFailed` is called when a rule could not be evaluated for a row (it then does not hold).
 */
export function makeDetector(
  name: string,
  slot: number,
  config: DetectorConfig,
  ruleFailed: (rule: number) => void = () => {},
): Detector {
  const numberInputs = config.inputs.filter((input) => input.type === "number");
  const encodes = config.inputs.some((input) => input.encoding !== undefined);
  const features = encodes ? [] : numberInputs.filter((input) => !input.rulesOnly);
  return Object.freeze({
    name,
    slot,
    config,
    schema: schemaHash(config),
    byName: new Map(config.inputs.map((input) => [input.name, input])),
    numberInputs: Object.freeze(numberInputs),
    categoryInputs: Object.freeze(config.inputs.filter((input) => input.type === "category")),
    features: Object.freeze(features),
    program: compileFeatures(config, features),
    rules: compileRules(config, ruleFailed),
  });
}

/** The detector whose encoded columns are known now. */
export function withEncoding(detector: Detector, encoding: RowEncoding): Detector {
  const features = detector.numberInputs.filter((input) => !input.rulesOnly);
  const columns = encoding.columns.map((name, i): Input => ({
    name,
    type: "number",
    defaultValue: Number.NaN,
    missing: "model",
    rulesOnly: false,
    column: -1,
    position: detector.config.inputs.length + i,
  }));
  return Object.freeze({
    ...detector,
    encoding,
    features: Object.freeze([...features, ...columns]),
  });
}

const separators: Readonly<Record<Input["type"], number>> = { number: 1, category: 2 };

/**
 * FNV-1a (32 bits, never 0) over the inputs in order: the UTF-8 bytes of a name, then 1 for a number or 2 for a category. Names
 * have no control characters, so different inputs never feed the same bytes.
 */
export function schemaHash(config: Pick<DetectorConfig, "inputs">): number {
  let hash = 0x811c9dc5;
  const feed = (byte: number) => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  for (const input of config.inputs) {
    for (const byte of Buffer.from(input.name)) feed(byte);
    feed(separators[input.type]);
  }
  return hash >>> 0 || 1;
}
