import type { Core } from "../../src/core.ts";
import type { Verdicts } from "../../src/domain/verdict.ts";
import type { TrainingOutcome } from "../../src/telemetry/telemetry.ts";
import { noTelemetry } from "../../src/telemetry/no-telemetry.ts";
import { mulberry, normal } from "../kernel.ts";
import { createDetector, frame, request, startCore, submit } from "./core.ts";
import type { TestCore } from "./core.ts";

export const columns = 3;

/** Rows of N(0, 1), the same for the same seed. */
export function gaussianRows(count: number, seed = 1): number[][] {
  const random = mulberry(seed);
  return Array.from({ length: count }, () => Array.from({ length: columns }, () => normal(random)));
}

/** A specification of a detector with three inputs, whatever is given on top. */
export function windowSpec(given: object = {}): object {
  return {
    inputs: [{ name: "a" }, { name: "b" }, { name: "c" }],
    ecod: {},
    window: { rows: 200, minSamples: 50, retrainInterval: 100 },
    timeoutMs: 30_000,
    ...given,
  };
}

/** What a core told its telemetry and its log about trainings. */
export interface Told {
  readonly started: string[];
  readonly ended: { readonly detector: string; readonly outcome: TrainingOutcome }[];
  readonly warnings: Record<string, unknown>[];
  readonly infos: Record<string, unknown>[];
}

export interface WindowCore extends TestCore {
  readonly told: Told;
}

/** A core that notes what is told about trainings. */
export async function startWindowCore(
  options: Parameters<typeof startCore>[0] = {},
): Promise<WindowCore> {
  const told: Told = { started: [], ended: [], warnings: [], infos: [] };
  const core = await startCore({
    telemetry: {
      ...noTelemetry,
      detector: (detector) => ({
        ...noTelemetry.detector(detector),
        trainingStarted: () => told.started.push(detector),
        trainingEnded: (outcome) => told.ended.push({ detector, outcome }),
      }),
    },
    log: {
      info: (fields, message) => told.infos.push({ ...fields, message }),
      warn: (fields, message) => told.warnings.push({ ...fields, message }),
      error: (fields, message) => {
        throw new Error(message, { cause: fields });
      },
    },
    ...options,
  });
  return { ...core, told };
}

export async function createWindowDetector(
  core: Core,
  name: string,
  given?: object,
): Promise<void> {
  await createDetector(core, name, windowSpec(given));
}

/** Rows of one request, in order; `keys` one a row, else three by turns. */
export function send(
  core: Core,
  rows: readonly (readonly number[])[],
  options: { readonly detector?: string; readonly keys?: readonly string[] } = {},
): Promise<Verdicts> {
  const { detector = "d", keys = rows.map((_, i) => `client ${i % 3}`) } = options;
  return submit(core, request({ detector, frame: frame(rows, keys) }));
}

/** Sends in requests of `size` rows and lets every training end in between: swaps fall at the same rows in every run. */
export async function sendInTurns(
  core: Core,
  rows: readonly (readonly number[])[],
  size: number,
  options: Parameters<typeof send>[2] = {},
): Promise<Scored> {
  const scored: Scored = { scores: [], raws: [], versions: [] };
  for (let at = 0; at < rows.length; at += size) {
    const { keys } = options;
    const some = keys === undefined ? options : { ...options, keys: keys.slice(at, at + size) };
    const verdicts = await send(core, rows.slice(at, at + size), some);
    scored.scores.push(...verdicts.scores);
    scored.raws.push(...verdicts.rawScores);
    scored.versions.push(...verdicts.modelVersions);
    await core.trainer.idle();
  }
  return scored;
}

export interface Scored {
  readonly scores: number[];
  readonly raws: number[];
  readonly versions: number[];
}

export function trainingOf(core: Core, detector = "d") {
  const status = core.detectors.status(core.detectors.get(detector));
  if (status.training === undefined) throw new Error("no window model");
  return { ...status.training, modelVersion: status.modelVersion, lastError: status.lastError };
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
