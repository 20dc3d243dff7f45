import { fork } from "node:child_process";
import { runStepBench, type StepBenchCase, type StepBenchOptions } from "./micro/step.ts";
import type { Scale } from "./options.ts";
import type { StepReport } from "./results.ts";

/**
 * The WASM step alone, in a process of its own: its memory goes with it, and nothing else has shaped the compiled code. One round of
 * 65,536 events is one measurement; the spread is over rounds.
 */

interface StepSizes {
  readonly keys: readonly number[];
  readonly inputs: readonly number[];
  readonly events: number;
  readonly window: number;
}

const sizes: Readonly<Record<Scale["name"], StepSizes>> = {
  full: { keys: [1, 1000, 100_000], inputs: [1, 10], events: 2_000_000, window: 250 },
  quick: { keys: [1, 1000, 100_000], inputs: [1, 10], events: 500_000, window: 250 },
  tiny: { keys: [1, 100], inputs: [1, 10], events: 1, window: 16 },
};

if (process.argv[2] === "step-process") {
  process.once("message", (options: StepBenchOptions) => void answer(options));
}

async function answer(options: StepBenchOptions): Promise<void> {
  process.send?.(await runStepBench(options));
  process.disconnect?.();
}

function stepInProcess(options: StepBenchOptions): Promise<readonly StepBenchCase[]> {
  const child = fork(import.meta.filename, ["step-process"], { execArgv: [] });
  return new Promise((resolve, reject) => {
    child.once("message", (cases: readonly StepBenchCase[]) => resolve(cases));
    child.once("error", reject);
    child.once("exit", () => reject(new Error("the step's process ended without a result")));
    child.send(options);
  });
}

/** Every combination of keys and inputs once. */
export async function runStep(scale: Scale): Promise<StepReport> {
  const { keys, inputs, events, window } = sizes[scale.name];
  const cases = keys.flatMap((count) => inputs.map((width) => [count, width] as const));
  const results = await stepInProcess({ cases, events, window });
  return {
    cases: results.map((result) => ({
      keys: result.keys,
      inputs: result.inputs,
      nsPerEvent: result.nsPerEvent,
      nsPerEventBest: result.nsPerEventBest,
      eventsPerS: result.eventsPerSecond,
      bytesPerKeyYoung: result.bytesPerKeyYoung,
      bytesPerKey: result.bytesPerKey,
      checksum: result.scoresHash,
    })),
  };
}

/** Events a second by number of keys, 10 inputs, one run: for comparisons that take turns with something else. */
export async function stepRates(scale: Scale): Promise<ReadonlyMap<number, number>> {
  const { keys, events, window } = sizes[scale.name];
  const cases = [keys[0] ?? 1, keys.at(-1) ?? 1].map((count) => [count, 10] as const);
  const results = await stepInProcess({ cases, events: events / 2, window });
  return new Map(results.map((result) => [result.keys, result.eventsPerSecond]));
}
