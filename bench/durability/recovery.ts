import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { detectorName, sendAll } from "../end-to-end/bed.ts";
import { connect, createDetector, detectorState } from "../end-to-end/channel.ts";
import { startWeir } from "../end-to-end/server.ts";
import { openStream } from "../end-to-end/stream-lane.ts";
import { detectorSpec, frameRows, frameTemplates } from "../end-to-end/workload.ts";
import type { Scale } from "../options.ts";
import type { DurabilityReport } from "../results.ts";
import { stepRates } from "../step-suite.ts";
import { byRequest, patientMs, sizes } from "./sizes.ts";

const main = path.resolve(import.meta.dirname, "../../src/main.ts");

type Report = Pick<DurabilityReport, "recovery" | "replay">;

/** A journal of many rows and no snapshot: a start after a kill, and `weir replay` of all of it. */
export async function runRecovery(scale: Scale): Promise<Report> {
  const data = mkdtempSync(path.join(os.tmpdir(), "weir-recovery-"));
  const empty = mkdtempSync(path.join(os.tmpdir(), "weir-empty-"));
  try {
    const rows = await fill(data, scale);
    const emptySeconds = await startSeconds(empty);
    const startedAt = performance.now();
    const server = await startWeir({ data, env: byRequest });
    const seconds = (performance.now() - startedAt) / 1000;
    const client = connect(server.grpcPort);
    const { events, keys } = await detectorState(client, detectorName);
    client.close();
    await server.kill();
    if (events !== rows) throw new Error(`${rows} rows were learned, and ${events} recovered`);
    const replay = replayAll(data);
    // Of the larger number of keys; in a process of its own.
    const stepRowsPerS = [...(await stepRates(scale)).values()].at(-1) ?? Number.NaN;
    return {
      recovery: {
        keys,
        rows,
        seconds,
        emptySeconds,
        rowsPerS: rows / Math.max(0.001, seconds - emptySeconds),
        stepRowsPerS,
      },
      replay,
    };
  } finally {
    rmSync(data, { recursive: true, force: true });
    rmSync(empty, { recursive: true, force: true });
  }
}

/** Rows that were acknowledged before the server was killed. */
async function fill(data: string, scale: Scale): Promise<number> {
  const { recoveryKeys: keys, recoveryRows } = sizes[scale.name];
  const server = await startWeir({ data, env: byRequest });
  const client = connect(server.grpcPort);
  const keysMax = 2 * keys;
  await createDetector(client, detectorName, detectorSpec({ timeoutMs: patientMs, keysMax }));
  const lane = openStream(client, frameTemplates(detectorName, keys));
  await sendAll(lane, Math.ceil(recoveryRows / frameRows), 16);
  const { events } = await detectorState(client, detectorName);
  await lane.close();
  client.close();
  await server.kill();
  return events;
}

async function startSeconds(data: string): Promise<number> {
  const startedAt = performance.now();
  const server = await startWeir({ data, env: byRequest });
  const seconds = (performance.now() - startedAt) / 1000;
  await server.kill();
  return seconds;
}

function replayAll(data: string): Report["replay"] {
  const args = [main, "replay", "--data", data, "--detector", detectorName];
  const startedAt = performance.now();
  const run = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 600_000 });
  const seconds = (performance.now() - startedAt) / 1000;
  if (run.status !== 0) {
    process.stderr.write(`       weir replay: ${String(run.status)}\n${run.stderr}`);
    return undefined;
  }
  return { rows: figureIn(run.stdout, "rows"), seconds, rowsPerS: figureIn(run.stdout, "speed") };
}

/** The number behind a label of the summary, without what groups its digits. */
function figureIn(summary: string, label: string): number {
  const line = new RegExp(String.raw`^${label}: +(\d[\d,. \u202f]*)`, "m").exec(summary);
  return Number((line?.[1] ?? "NaN").replaceAll(/[^\d]/g, "") || "NaN");
}
