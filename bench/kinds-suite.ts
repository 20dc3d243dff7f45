import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { deriveTable } from "../src/buffers/derive.ts";
import { isKind, kinds } from "../src/models/kinds.ts";
import type { Kind } from "../src/models/kinds.ts";
import { instantiateModels } from "../src/models/module.ts";
import type { ModelExports } from "../src/models/module.ts";
import { runTraining, WORK_BASE } from "../src/models/training.ts";
import { compileModule, createMemory } from "../src/shard/module.ts";
import type { Scale } from "./options.ts";
import { ask, findPython } from "./peers/peers.ts";
import type { KindReport, KindsReport, TimesReport } from "./results.ts";
import { median, normalFrom, ratioOf, seededRandom, spreadOf } from "./statistics.ts";

const columns = 10;
const trainRows = 1000;
const queryRows = 256;
const memoryBytes = 1024 * 1024 * 1024;

const parts = ["fit", "one", "batch"] as const;
type Part = (typeof parts)[number];

interface PythonPeers {
  readonly versions: Readonly<Record<string, string>>;
  /** Microseconds; undefined = this peer is not there. */
  us(command: string): Promise<number | undefined>;
  stop(): void;
}

/** Rows around centres, of which the first have most: cblof needs groups of unlike sizes, and fails on a lone heap, here as there. */
function rowsAround(centres: readonly number[], count: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  const normal = normalFrom(random);
  const rows = new Float64Array(count * columns);
  for (let row = 0; row < count; row++) {
    const centre = centres[Math.floor(random() ** 3 * centres.length)] ?? 0;
    for (let c = 0; c < columns; c++) rows[row * columns + c] = centre + normal();
  }
  return rows;
}

/**
 * Every kind beside PyOD on the same rows, by turns, one thread each: a fit of 1,000 rows of 10 columns, one row alone, and a row
 * of 256 together; and rolling features beside Polars. Weir's numbers are the kernel's, called from JavaScript as a trainer and the
 * batch endpoints call it. A string says why it cannot run here.
 */
export async function runKinds(scale: Scale): Promise<KindsReport | string> {
  const python = findPython("pyod, polars");
  if (python === undefined) return "no Python with pyod and polars; WEIR_PYTHON names one";
  const memory = createMemory(memoryBytes);
  const kernel = instantiateModels(await compileModule(), memory);
  const reports: KindReport[] = [];
  for (const part of ["a lone heap", "groups"] as const) {
    const centres = part === "groups" ? [0, 6, 12, 18] : [0];
    const train = rowsAround(centres, trainRows, 5);
    const query = rowsAround(centres, queryRows, 6);
    const peers = await startPython(python, train, query);
    try {
      for (const kind of Object.keys(kinds).filter(isKind)) {
        if ((kind === "cblof") !== (part === "groups")) continue;
        const ours = new Ours(kernel, memory, train, query);
        reports.push(await compare(kind, { scale, peers, ours }));
      }
      if (part === "groups") {
        const polars = await comparePolars(scale, peers, kernel, memory);
        const rolling = rollingCosts(kernel, memory);
        return { versions: peers.versions, kinds: reports, polars, rolling };
      }
    } finally {
      peers.stop();
    }
  }
  return "no kinds";
}

interface Sides {
  readonly scale: Scale;
  readonly peers: PythonPeers;
  readonly ours: Ours;
}

async function compare(kind: Kind, { scale, peers, ours }: Sides): Promise<KindReport> {
  const us: Record<Part, { weir: number[]; pyod: number[] }> = {
    fit: { weir: [], pyod: [] },
    one: { weir: [], pyod: [] },
    batch: { weir: [], pyod: [] },
  };
  for (let pair = 0; pair < scale.pairs; pair++) {
    for (const part of parts) {
      const theirs = await peers.us(`${part} ${kind}`);
      if (theirs !== undefined) us[part].pyod.push(theirs);
      us[part].weir.push(ours[part](kind));
    }
  }
  const report = (part: Part): TimesReport => ({
    weirUs: spreadOf(us[part].weir),
    peerUs: us[part].pyod.length > 0 ? spreadOf(us[part].pyod) : undefined,
    ratio: us[part].pyod.length > 0 ? ratioOf(us[part].pyod, us[part].weir) : undefined,
  });
  return { kind, fit: report("fit"), one: report("one"), batch: report("batch") };
}

/** Weir's side: each number the median of a few runs. */
class Ours {
  private readonly kernel: ModelExports;
  private readonly memory: WebAssembly.Memory;
  private readonly train: Float64Array;
  private readonly query: Float64Array;
  private model = new Uint8Array(0);

  constructor(
    kernel: ModelExports,
    memory: WebAssembly.Memory,
    train: Float64Array,
    query: Float64Array,
  ) {
    this.kernel = kernel;
    this.memory = memory;
    this.train = train;
    this.query = query;
  }

  fit(kind: Kind): number {
    return timed(
      () => {
        this.model = runTraining(this.kernel, this.memory, {
          kind,
          parameters: {},
          columns,
          rows: this.train,
          seed: 42n,
          contamination: 0.1,
          scaler: "none",
        });
      },
      3,
      300_000,
    );
  }

  /** A call a row. */
  one(): number {
    const { rows, raws, scores } = this.place();
    const all = timed(
      () => {
        for (let row = 0; row < queryRows; row++) {
          const at = rows + row * columns * 8;
          this.kernel.scoreModel(WORK_BASE, at, 1, 1, raws, scores);
        }
      },
      3,
      50_000,
    );
    return all / queryRows;
  }

  /** A call for all rows. */
  batch(): number {
    const { rows, raws, scores } = this.place();
    return (
      timed(() => this.kernel.scoreModel(WORK_BASE, rows, queryRows, 1, raws, scores), 3, 50_000) /
      queryRows
    );
  }

  private place(): { readonly rows: number; readonly raws: number; readonly scores: number } {
    new Uint8Array(this.memory.buffer).set(this.model, WORK_BASE);
    const rows = (WORK_BASE + this.model.length + 15) & ~15;
    new Float64Array(this.memory.buffer, rows, this.query.length).set(this.query);
    const raws = rows + this.query.byteLength;
    return { rows, raws, scores: raws + queryRows * 8 };
  }
}

/** Median microseconds of a run: of at least `least` runs, and as many as fit in `forUs`. */
function timed(run: () => void, least: number, forUs: number): number {
  run();
  const taken: number[] = [];
  const end = performance.now() + forUs / 1000;
  while (taken.length < least || (performance.now() < end && taken.length < 1000)) {
    const started = performance.now();
    run();
    taken.push((performance.now() - started) * 1000);
  }
  return median(taken);
}

/** 12 rolling features and 3 lags of 10,000 rows. */
async function comparePolars(
  scale: Scale,
  peers: PythonPeers,
  kernel: ModelExports,
  memory: WebAssembly.Memory,
): Promise<TimesReport> {
  const normal = normalFrom(seededRandom(1));
  const rows = Float64Array.from({ length: 10_000 }, normal);
  const table = { columns: 1, rows, windows: [5, 10, 20], lags: [1, 2, 3] };
  const weir: number[] = [];
  const polars: number[] = [];
  for (let pair = 0; pair < scale.pairs; pair++) {
    const theirs = await peers.us("polars");
    if (theirs !== undefined) polars.push(theirs);
    weir.push(timed(() => deriveTable(kernel, memory, table), 3, 50_000));
  }
  return {
    weirUs: spreadOf(weir),
    peerUs: polars.length > 0 ? spreadOf(polars) : undefined,
    ratio: polars.length > 0 ? ratioOf(polars, weir) : undefined,
  };
}

/** What a row costs whose column has one rolling window, by the window's length: past the first windows, over 100,000 rows more. */
function rollingCosts(kernel: ModelExports, memory: WebAssembly.Memory): KindsReport["rolling"] {
  const normal = normalFrom(seededRandom(2));
  const rows = Float64Array.from({ length: 200_000 }, normal);
  return [5, 100, 5000, 50_000].map((window) => {
    const of = (count: number): number => {
      const table = { columns: 1, rows: rows.subarray(0, count), windows: [window], lags: [] };
      return timed(() => deriveTable(kernel, memory, table), 5, 100_000);
    };
    return { window, nsPerRow: ((of(200_000) - of(100_000)) / 100_000) * 1000 };
  });
}

async function startPython(
  python: string,
  train: Float64Array,
  query: Float64Array,
): Promise<PythonPeers> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "weir-pyod-"));
  const files = [train, query].map((rows, i) => {
    const file = path.join(folder, `${i}.f64`);
    writeFileSync(file, rows);
    return file;
  });
  const script = path.join(import.meta.dirname, "peers/pyod_peers.py");
  const child = spawn(python, [script, ...files, String(columns)], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { stdin } = child;
  const versions = await ask(stdin, lines, "versions");
  return {
    versions: Object.fromEntries(Object.entries(versions).map(([k, v]) => [k, String(v)])),
    async us(command) {
      try {
        return Number((await ask(stdin, lines, command))["us"]);
      } catch (error) {
        process.stderr.write(`       ${error instanceof Error ? error.message : command}\n`);
        return undefined;
      }
    },
    stop() {
      stdin.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
