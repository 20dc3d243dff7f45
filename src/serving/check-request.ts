import { Violations } from "../admission/violations.ts";
import { didYouMean, show } from "../config/problems.ts";
import { limits } from "../config/limits.ts";
import type { Detector, FeatureProgram } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import type { FeatureRequest } from "./features.ts";

/** What a request asks of a detector that has features. */
export interface Asked {
  readonly names: readonly string[];
  /** Of each name: the kernel's position of the feature. */
  readonly positions: Uint8Array;
}

/** FAILED_PRECONDITION where nothing is derived. */
export function programOf(detector: Detector): FeatureProgram {
  if (detector.program !== undefined) return detector.program;
  const shown = show(detector.name);
  throw new WeirError(
    Code.FAILED_PRECONDITION,
    "NO_FEATURES",
    `detector: ${shown} has no features; declare \`features\` in its specification and create it anew`,
    { violations: [{ field: "detector", message: `${shown} has no features` }] },
  );
}

/** Everything that is wrong with a request, keys apart; else what it asks for. */
export function checkRequest(request: FeatureRequest, detector: Detector): Asked {
  const { order } = programOf(detector);
  checkCount(request.keys.length);
  const violations = new Violations();
  if (!Number.isSafeInteger(request.timeUnixMs)) {
    violations.add("TIME_OUT_OF_RANGE", "time_unix_ms", "is not within +-(2^53 - 1)");
  }
  const names = detector.config.features.map(({ name }) => name);
  const wanted = request.features.length === 0 ? names : request.features;
  if (wanted.length > names.length) {
    violations.add(
      "WRONG_LENGTH",
      "features",
      `has ${wanted.length} names; the detector has ${names.length} features`,
    );
    violations.throwIfAny();
  }
  const positions = Uint8Array.from(wanted, (name, i) => {
    const position = order.indexOf(names.indexOf(name));
    if (position >= 0 || violations.full) return Math.max(0, position);
    const hint = didYouMean(name, names);
    const message = `the detector has no feature ${show(name)}${hint}`;
    violations.add("UNKNOWN_NAME", `features[${i}]`, message);
    return 0;
  });
  violations.throwIfAny();
  return { names: wanted, positions };
}

function checkCount(keys: number): void {
  if (keys === 0) {
    throw WeirError.invalid("NO_ROWS", "keys", "there are none; expected at least one");
  }
  if (keys <= limits.readKeysMax) return;
  const message = `more than ${limits.readKeysMax} keys, the limit of one request`;
  throw new WeirError(
    Code.RESOURCE_EXHAUSTED,
    "TOO_MANY_ROWS",
    `keys: ${message}; send more requests`,
    { violations: [{ field: "keys", message }] },
  );
}
