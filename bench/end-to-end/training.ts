import { spawn, type ChildProcess } from "node:child_process";
import os from "node:os";
import type { Client } from "@grpc/grpc-js";
import type { Scale } from "../options.ts";
import type { TrainingReport } from "../results.ts";
import { ratioOf, spreadOf } from "../statistics.ts";
import { sendAll } from "./bed.ts";
import { connect, createDetector } from "./channel.ts";
import { closedLoop, openLoop, poisson, type LoopResult } from "./loops.ts";
import { histogramDelta, scrape } from "./metrics.ts";
import { startWeir, type ServerProcess } from "./server.ts";
import { openStream } from "./stream-lane.ts";
import {
  detectorSpec,
  eventTemplates,
  frameRows,
  frameTemplates,
  type Templates,
} from "./workload.ts";

/** Rows of a window, and before the first training. */
const windowRows = 1000;
const minSamples = 200;
/** Of the saturation that is offered. */
const load = 0.5;
const lanes = ["events", "frames"] as const;
const inFlight = { events: 256, frames: 16 } as const;
const outstandingMax = { events: 4000, frames: 400 } as const;
/** Who has the other core: nobody, Weir's trainer, or a program of the trainer's priority that has nothing to do with Weir. */
const sides = ["still", "training", "foreign"] as const;
/** ecod: short trainings and many swaps; autoencoder: a trainer that computes without a pause. */
const kinds = ["ecod", "isolationForest", "autoencoder"] as const;

interface Pair {
  /** Trains its first model and no other. */
  readonly still: Templates;
  /** The same rows for a detector that trains again as soon as a training has ended. */
  readonly training: Templates;
}

/**
 * What trainings do to those who are scored meanwhile: two detectors of one Weir, alike but for their retrain_interval, are scored by
 * turns at half of what they take, and the p99 of one is divided by that of the other. The floor is a third turn: no training, and
 * a foreign program that counts at the lowest priority. It costs what any work beside the server costs on this machine.
 */
export async function runTraining(scale: Scale): Promise<TrainingReport> {
  const server = await startWeir();
  const client = connect(server.grpcPort);
  try {
    const reports: TrainingReport["runs"][number][] = [];
    for (const kind of kinds) {
      await createDetector(client, `${kind}-still`, specOf(kind, 1_000_000_000));
      await createDetector(client, `${kind}-training`, specOf(kind, 1));
      for (const name of ["still", "training"]) await train(client, `${kind}-${name}`, scale);
      for (const lane of lanes) {
        const make = lane === "events" ? eventTemplates : frameTemplates;
        const pair = {
          still: make(`${kind}-still`, scale.keys),
          training: make(`${kind}-training`, scale.keys),
        };
        reports.push({ kind, lane, ...(await measure({ server, client, scale, pair }, lane)) });
      }
    }
    return { runs: reports };
  } finally {
    client.close();
    await server.stop();
  }
}

function specOf(kind: (typeof kinds)[number], retrainInterval: number): Record<string, unknown> {
  const { inputs } = detectorSpec();
  return {
    inputs,
    [kind]: {},
    window: { rows: windowRows, minSamples, retrainInterval },
    timeoutMs: 60_000,
  };
}

/** Fills the window and waits for its first model. */
async function train(client: Client, detector: string, scale: Scale): Promise<void> {
  const lane = openStream(client, frameTemplates(detector, scale.keys));
  await sendAll(lane, Math.ceil(windowRows / frameRows), 1);
  await new Promise((resolve) => {
    setTimeout(resolve, 1500);
  });
  await lane.close();
}

interface Setting {
  readonly server: ServerProcess;
  readonly client: Client;
  readonly scale: Scale;
  readonly pair: Pair;
}

type Measured = Omit<TrainingReport["runs"][number], "kind" | "lane">;

async function measure(
  { server, client, scale, pair }: Setting,
  lane: (typeof lanes)[number],
): Promise<Measured> {
  await closedRun(client, pair.training, inFlight[lane], scale);
  const closed = await closedRun(client, pair.still, inFlight[lane], scale);
  const rowsPerS = closed.goodputRowsPerS;
  const ratePerS = (load * rowsPerS) / pair.still.rowsPerRequest;
  const p99Us = { still: [] as number[], training: [] as number[], foreign: [] as number[] };
  let trainings = 0;
  let trainingS = 0;
  let trainedMs = 0;
  for (let i = 0; i < scale.pairs; i++) {
    for (const side of sides) {
      const before = await scrape(server.httpPort);
      const foreign = side === "foreign" ? startForeign() : undefined;
      const result = await openRun(client, side === "training" ? pair.training : pair.still, {
        ratePerS,
        seed: 17 + i,
        outstandingMax: outstandingMax[lane],
        durationMs: scale.openMs,
      });
      foreign?.kill("SIGKILL");
      p99Us[side].push(result.latency.p99Us);
      if (side !== "training") continue;
      const after = await scrape(server.httpPort);
      const delta = histogramDelta(before, after, "weir_training_duration_seconds");
      trainings += delta?.count ?? 0;
      trainingS += delta?.sum ?? 0;
      trainedMs += result.elapsedMs;
    }
  }
  return {
    offeredRowsPerS: ratePerS * pair.still.rowsPerRequest,
    stillP99Us: spreadOf(p99Us.still),
    trainingP99Us: spreadOf(p99Us.training),
    foreignP99Us: spreadOf(p99Us.foreign),
    ratio: ratioOf(p99Us.training, p99Us.still),
    foreignRatio: ratioOf(p99Us.foreign, p99Us.still),
    trainings,
    busyShare: (trainingS * 1000) / trainedMs,
  };
}

function startForeign(): ChildProcess {
  const counting = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  if (counting.pid !== undefined) os.setPriority(counting.pid, 19);
  return counting;
}

async function closedRun(
  client: Client,
  templates: Templates,
  requests: number,
  scale: Scale,
): Promise<LoopResult> {
  const run = async (durationMs: number): Promise<LoopResult> => {
    const lane = openStream(client, templates);
    const result = await closedLoop(lane, { inFlight: requests, durationMs });
    await lane.close();
    return result;
  };
  await run(Math.min(300, scale.closedMs));
  return run(scale.closedMs);
}

async function openRun(
  client: Client,
  templates: Templates,
  run: {
    readonly ratePerS: number;
    readonly seed: number;
    readonly outstandingMax: number;
    readonly durationMs: number;
  },
): Promise<LoopResult> {
  const lane = openStream(client, templates);
  const { ratePerS, seed, ...options } = run;
  const result = await openLoop(lane, { ...options, schedule: poisson(ratePerS, seed) });
  await lane.close();
  return result;
}
