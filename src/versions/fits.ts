import { isDeepStrictEqual } from "node:util";
import { differentlyEncoded } from "../control/differences.ts";
import { isWindowModel } from "../domain/detector.ts";
import type { Detector, DetectorConfig, Input } from "../domain/detector.ts";
import { WeirError } from "../domain/errors.ts";

/**
 * Whether a detector's state may mean the same under another configuration, as far as the host knows: the same model over the same columns in the
 * same cells. The kernel, which knows the rest, is asked by trying.
 */
export function mayKeepState(known: Detector, wanted: Detector): boolean {
  const [a, b] = [known.config.model, wanted.config.model];
  if (a.kind !== b.kind) return false;
  if (isWindowModel(a) && isWindowModel(b) && a.scope !== b.scope) return false;
  if (!isDeepStrictEqual(namesOf(known.features), namesOf(wanted.features))) return false;
  const [program, other] = [known.program, wanted.program];
  if (program === undefined || other === undefined) return program === other;
  return (
    isDeepStrictEqual(namesOf(program.sources), namesOf(other.sources)) &&
    isDeepStrictEqual(program.columns, other.columns) &&
    isDeepStrictEqual(program.order, other.order)
  );
}

/** A specification without inputs takes those that the detector has discovered. */
export function withKnownInputs(live: Detector, config: DetectorConfig): DetectorConfig {
  if (config.inputs.length > 0) return config;
  return Object.freeze({ ...config, inputs: live.config.inputs });
}

/** Throws where a request to the detector as it is could not be read by one with these inputs. */
export function checkRowsFit(live: Detector, { inputs }: DetectorConfig): void {
  const known = live.config.inputs;
  const recoded = differentlyEncoded(known, inputs);
  if (recoded !== undefined) {
    throw unfit(
      `${recoded}: an update keeps the encodings, because a model that learns beside the old one gets the rows as that has them encoded`,
    );
  }
  if (!isDeepStrictEqual(known.map(shape), inputs.map(shape))) {
    throw unfit(
      `an update keeps names, types and order of the inputs (${namesOf(known).join(", ")}), because the rows that clients send must fit both versions`,
    );
  }
  const stricter = inputs.filter(
    ({ missing }, i) => missing === "refuse" && known[i]?.missing !== "refuse",
  );
  if (stricter.length === 0) return;
  throw unfit(
    `${namesOf(stricter).join(", ")} may be missing now and would be required, so rows that clients send would be refused`,
  );
}

/** What rows must have for it. */
function shape({ name, type, encoding }: Input): unknown {
  return { name, type, encoding };
}

function namesOf(inputs: readonly Input[]): readonly string[] {
  return inputs.map(({ name }) => name);
}

function unfit(why: string): WeirError {
  return WeirError.invalid(
    "INVALID_SPEC",
    "spec.inputs",
    `${why}; create another detector instead`,
  );
}
