import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { FeatureBench, type FeatureRows } from "./micro/features.ts";
import type { Scale } from "./options.ts";
import { ask, findPython } from "./peers/peers.ts";
import type { FeaturesReport } from "./results.ts";
import { ratioOf, seededRandom, spreadOf } from "./statistics.ts";

/** Twelve features over three windows, as River, Polars and DuckDB can express them. */
const windows = ["10m", "1h", "24h"];
const aggregates = ["COUNT", "SUM", "MEAN", "VARIANCE"] as const;
const twelve = windows.flatMap((sliding) =>
  aggregates.map((aggregate) => ({
    name: `${aggregate.toLowerCase()}_${sliding}`,
    of: "amount",
    aggregate,
    window: { sliding },
    ...(aggregate === "MEAN" || aggregate === "VARIANCE" ? { default_value: 0 } : {}),
  })),
);

interface Sizes {
  readonly keys: readonly number[];
  /** Rows a key in 24 hours. */
  readonly perDay: number;
  /** Rows of the peers that compute offline. */
  readonly offlineRows: number;
  /** Rows in the longest window of the comparison of lengths. */
  readonly longRows: number;
}

const sizes: Readonly<Record<Scale["name"], Sizes>> = {
  full: { keys: [10_000, 100_000], perDay: 20, offlineRows: 1_000_000, longRows: 900 },
  quick: { keys: [10_000], perDay: 10, offlineRows: 200_000, longRows: 900 },
  tiny: { keys: [10], perDay: 5, offlineRows: 200, longRows: 20 },
};

const peerNames = ["river", "bytewax", "polars_rolling", "polars_dynamic", "duckdb"] as const;
type PeerName = (typeof peerNames)[number];

const dayMs = 86_400_000;

/** Payments at random keys and rising times, over so many days. */
function makePayments(keys: number, count: number, days: number): FeatureRows {
  const random = seededRandom(7);
  const step = (days * dayMs) / count;
  const rows = {
    count,
    keys: new Float64Array(count),
    times: new Float64Array(count),
    amounts: new Float64Array(count),
  };
  for (let i = 0; i < count; i++) {
    rows.keys[i] = Math.floor(random() * keys);
    rows.times[i] = Math.floor((i + random()) * step);
    rows.amounts[i] = Math.round(1000 * Math.exp(4 * random())) / 100;
  }
  rows.times.sort();
  return rows;
}

/** Windowed features: the WASM step with 10,000 and 100,000 keys, windows of unlike length, and the peers on the same rows by turns. */
export async function runFeatures(scale: Scale): Promise<FeaturesReport> {
  const size = sizes[scale.name];
  const bench = await FeatureBench.make();
  const cases = size.keys.map((keys) => {
    const count = keys * size.perDay * 2;
    const rows = makePayments(keys, count, 2);
    const runs = Array.from({ length: scale.pairs }, () => bench.run(twelve, rows, count / 2));
    return {
      keys,
      nsPerEvent: spreadOf(runs.map(({ nsPerEvent }) => nsPerEvent)),
      bytesPerKey: runs[0]?.bytesPerKey ?? 0,
    };
  });
  return { cases, lengths: compareLengths(bench, scale), ...(await comparePeers(bench, scale)) };
}

/** The same rate of events under a window of 24 hours and under one of a minute. */
function compareLengths(bench: FeatureBench, scale: Scale): FeaturesReport["lengths"] {
  const { longRows } = sizes[scale.name];
  const keys = 20;
  const count = keys * longRows * 2;
  const rows = makePayments(keys, count, 2);
  const ns = { long: [] as number[], short: [] as number[] };
  const features = (sliding: string): readonly object[] =>
    ["COUNT", "SUM", "MEAN", "VARIANCE", "MIN", "MAX"].map((aggregate) => ({
      name: aggregate.toLowerCase(),
      of: "amount",
      aggregate,
      window: { sliding },
      ...(aggregate === "COUNT" || aggregate === "SUM" ? {} : { default_value: 0 }),
    }));
  for (let pair = 0; pair < scale.pairs; pair++) {
    ns.long.push(bench.run(features("24h"), rows, count / 2).nsPerEvent);
    ns.short.push(bench.run(features("1m"), rows, count / 2).nsPerEvent);
  }
  return {
    eventsInLongWindow: longRows,
    longNs: spreadOf(ns.long),
    shortNs: spreadOf(ns.short),
    ratio: ratioOf(ns.long, ns.short),
  };
}

type Peers = Pick<FeaturesReport, "versions" | "peers" | "differences" | "skipped">;

async function comparePeers(bench: FeatureBench, scale: Scale): Promise<Peers> {
  const none = { versions: {}, peers: [], differences: undefined };
  const python = findPython("river, bytewax, polars, duckdb");
  if (python === undefined) {
    return {
      ...none,
      skipped: "no Python with river, bytewax, polars, duckdb; WEIR_PYTHON names one",
    };
  }
  const { offlineRows } = sizes[scale.name];
  const rows = makePayments(Math.max(1, Math.round(offlineRows / 40)), offlineRows, 2);
  const folder = mkdtempSync(path.join(os.tmpdir(), "weir-features-"));
  try {
    return { ...(await byTurns(python, { bench, scale, rows, folder })), skipped: undefined };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Setting {
  readonly bench: FeatureBench;
  readonly scale: Scale;
  readonly rows: FeatureRows;
  readonly folder: string;
}

async function byTurns(python: string, setting: Setting): Promise<Omit<Peers, "skipped">> {
  const { bench, scale, rows, folder } = setting;
  const file = path.join(folder, "rows.f64");
  writeFileSync(file, interleave(rows));
  const script = path.join(import.meta.dirname, "peers/feature_peers.py");
  const child = spawn(python, [script, file, folder], { stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const versions = await ask(child.stdin, lines, "versions");
  const weir: number[] = [];
  const command: number[] = [];
  const perS = new Map<PeerName | "polars_file", number[]>();
  let riverLast: readonly number[] = [];
  for (let pair = 0; pair < scale.pairs; pair++) {
    weir.push(1e9 / bench.run(twelve, rows, 0).nsPerEvent);
    for (const peer of [...peerNames, "polars_file" as const]) {
      const answer = await ask(child.stdin, lines, peer);
      perS.set(peer, [...(perS.get(peer) ?? []), Number(answer["rows_per_s"])]);
      if (peer === "river" && Array.isArray(answer["last"])) riverLast = answer["last"].map(Number);
    }
    command.push(rows.count / offlineSeconds(folder));
  }
  child.stdin.end();
  const riverRows = riverLast.length;
  return {
    versions: Object.fromEntries(Object.entries(versions).map(([k, v]) => [k, String(v)])),
    peers: [
      ...peerNames.map((peer) => ({ peer, theirs: perS.get(peer) ?? [], ours: weir })),
      { peer: "polars_file", theirs: perS.get("polars_file") ?? [], ours: command },
    ].map(({ peer, theirs, ours }) => ({
      peer,
      rowsPerS: spreadOf(theirs),
      weirRowsPerS: spreadOf(ours),
      ratio: ratioOf(ours, theirs),
    })),
    differences: riverRows > 0 ? differenceFromRiver(bench, rows, riverLast) : undefined,
  };
}

/** Largest relative difference between River's sums of twelve features and Weir's, over the last rows that River saw. */
function differenceFromRiver(
  bench: FeatureBench,
  rows: FeatureRows,
  river: readonly number[],
): number {
  const count = Math.min(rows.count, 20_000);
  const { last } = bench.run(twelve, { ...rows, count }, 0);
  const seen = Math.min(river.length, last.length / twelve.length);
  let worst = 0;
  for (let i = 0; i < seen; i++) {
    const at = last.length - (seen - i) * twelve.length;
    const ours = last.subarray(at, at + twelve.length).reduce((sum, value) => sum + value, 0);
    const theirs = river[river.length - seen + i] ?? Number.NaN;
    worst = Math.max(worst, Math.abs(ours - theirs) / Math.max(1, Math.abs(theirs)));
  }
  return worst;
}

/** `weir features` over the Parquet that the peer wrote, whole: start, read, derive, write. */
function offlineSeconds(folder: string): number {
  const detector = path.join(folder, "detector.json");
  writeFileSync(detector, JSON.stringify({ inputs: [{ name: "amount" }], features: twelve }));
  const started = performance.now();
  const main = path.resolve(import.meta.dirname, "../src/main.ts");
  const from = path.join(folder, "rows.parquet");
  const to = path.join(folder, "weir.parquet");
  const run = spawnSync(
    process.execPath,
    [main, "features", "--detector", detector, "--in", from, "--out", to],
    { encoding: "utf8" },
  );
  if (run.status !== 0) throw new Error(`weir features ended with ${run.status}: ${run.stderr}`);
  rmSync(to, { force: true });
  return (performance.now() - started) / 1000;
}

function interleave({ count, keys, times, amounts }: FeatureRows): Float64Array {
  const all = new Float64Array(count * 3);
  for (let i = 0; i < count; i++) {
    all[i * 3] = keys[i] ?? 0;
    all[i * 3 + 1] = times[i] ?? 0;
    all[i * 3 + 2] = amounts[i] ?? 0;
  }
  return all;
}
