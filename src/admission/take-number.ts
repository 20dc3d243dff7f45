import { limits } from "../config/limits.ts";
import type { Input } from "../domain/detector.ts";
import type { DetectorRuntime } from "./runtime.ts";
import { FLAG } from "./staged.ts";
import type { Staged } from "./staged.ts";
import type { Violations } from "./violations.ts";

/** Where a row's numbers come from and go to. */
export interface Place {
  readonly row: number;
  /** Path of a value in the request; only built when something is wrong. */
  readonly field: (row: number, input: Input) => string;
  readonly staged: Staged;
  readonly violations: Violations;
}

/** One number of one row: checked, defaulted where it is missing, and put among the row's sources. NaN = missing. */
export function takeNumber(
  runtime: DetectorRuntime,
  input: Input,
  given: number,
  place: Place,
): void {
  const { row, staged, violations } = place;
  const source = runtime.sourceOf[input.column] ?? -1;
  let value = given;
  if (Number.isNaN(value)) {
    if (input.missing === "refuse") {
      violations.add(
        "MISSING_INPUT",
        place.field(row, input),
        "is missing, and the detector requires it",
      );
      return;
    }
    if (input.missing === "default") {
      value = input.defaultValue;
      staged.markDefaulted(row, runtime.defaultedBytes, input.position);
    } else if (source >= runtime.modelFirst) {
      staged.flags[row] = (staged.flags[row] ?? 0) | FLAG.hasMissing;
    }
  } else if (!(Math.abs(value) <= limits.magnitudeMax)) {
    violations.add(
      "NUMBER_OUT_OF_RANGE",
      place.field(row, input),
      `${value} is infinite or its magnitude is over ${limits.magnitudeMax}`,
    );
    return;
  }
  if (source >= 0) staged.values[row * runtime.sources.length + source] = value;
}
