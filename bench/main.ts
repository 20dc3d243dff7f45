import { writeFileSync } from "node:fs";
import os from "node:os";
import { barRows } from "./bars.ts";
import { runDurability } from "./durability-suite.ts";
import { makeBed } from "./end-to-end/bed.ts";
import { runIdle } from "./end-to-end/idle.ts";
import { runLane } from "./end-to-end/lane-suite.ts";
import { runMemory } from "./end-to-end/memory.ts";
import { runTelemetry } from "./end-to-end/telemetry.ts";
import { runTraining } from "./end-to-end/training.ts";
import { runWarmup } from "./end-to-end/warmup.ts";
import { runFeatures } from "./features-suite.ts";
import { runKinds } from "./kinds-suite.ts";
import { parseOptions, usage, type BenchOptions, type SuiteName } from "./options.ts";
import { runPeers } from "./peers/suite.ts";
import type { BenchResults, Suites } from "./results.ts";
import { runStep } from "./step-suite.ts";
import { runStreamHttp } from "./stream-http.ts";
import { textTable } from "./text-table.ts";

/** `npm run bench`: every suite that was asked for, then the table. This process is the load client; servers are its children. */

/** Runs suites and keeps what they found; one that cannot run here returns the reason instead. */
class Collector {
  readonly suites: Suites = {};
  readonly skipped: Record<string, string> = {};
  private readonly startedAt = performance.now();

  async run<Name extends SuiteName>(
    name: Name,
    options: BenchOptions,
    measure: () => Promise<Suites[Name] | string>,
  ): Promise<void> {
    if (!options.suites.has(name)) return;
    this.say(name);
    const result = await measure();
    if (typeof result === "string") {
      this.skipped[name] = result;
      this.say(`${name} skipped: ${result}`);
    } else this.suites[name] = result;
  }

  private say(text: string): void {
    const seconds = (performance.now() - this.startedAt) / 1000;
    process.stderr.write(`${seconds.toFixed(0).padStart(4)} s  ${text}\n`);
  }
}

async function runAll(options: BenchOptions): Promise<BenchResults> {
  const { scale } = options;
  const load = os.loadavg()[0] ?? 0;
  const collector = new Collector();
  await collector.run("step", options, () => runStep(scale));
  await collector.run("peers", options, () => runPeers(scale));
  await collector.run("kinds", options, () => runKinds(scale));
  await collector.run("features", options, () => runFeatures(scale));
  await collector.run("durability", options, () => runDurability(scale));
  const lanes = ["frames", "events", "unary", "http"] as const;
  if ([...lanes, "idle" as const].some((name) => options.suites.has(name))) {
    const bed = await makeBed(scale);
    try {
      for (const lane of lanes) await collector.run(lane, options, () => runLane(bed, lane));
      await collector.run("idle", options, () => runIdle(bed));
    } finally {
      await bed.stop();
    }
  }
  await collector.run("stream", options, () => runStreamHttp(scale));
  await collector.run("telemetry", options, () => runTelemetry(scale));
  await collector.run("training", options, () => runTraining(scale));
  await collector.run("warmup", options, () => runWarmup(scale));
  await collector.run("memory", options, () => runMemory(scale));
  return {
    date: new Date().toISOString(),
    machine: {
      cpu: os.cpus()[0]?.model.trim() ?? "unknown",
      cores: os.cpus().length,
      memoryGb: os.totalmem() / 1e9,
      node: process.versions.node,
      system: `${os.type()} ${os.release()}`,
      load,
    },
    scale: scale.name,
    suites: collector.suites,
    skipped: collector.skipped,
  };
}

const options = parseOptions(process.argv.slice(2));
if (options.help) process.stdout.write(usage);
else {
  const results = await runAll(options);
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
  }
  const rows = barRows(results).map((row) => [
    row.what,
    row.bar,
    row.moonshot,
    row.measured,
    row.spread,
    row.reached,
  ]);
  process.stdout.write(
    `\n${textTable(["what", "at least", "aim", "measured", "spread", "reached"], rows)}\n`,
  );
  for (const lane of [
    results.suites.frames,
    results.suites.events,
    results.suites.unary,
    results.suites.http,
  ]) {
    if (lane) process.stdout.write(`checksum of the scores, ${lane.lane}: ${lane.checksum}\n`);
  }
}
