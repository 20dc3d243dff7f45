import type { Scale } from "./options.ts";
import type { StepReport } from "./results.ts";

export function runStep(_scale: Scale): Promise<StepReport | string> {
  return Promise.resolve("not here yet");
}

/** Events a second by number of keys, 10 inputs, one short run each. */
export function stepRates(_scale: Scale): Promise<ReadonlyMap<number, number>> {
  return Promise.resolve(new Map());
}
