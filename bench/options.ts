import { parseArgs } from "node:util";

/** How much a run does. Sizes of every suite in one place: `full` is what the README quotes. */
export interface Scale {
  readonly name: "full" | "quick" | "tiny";
  /** Pairs of an interleaved comparison, A/B/A/B. */
  readonly pairs: number;
  /** One side of a pair, ms. */
  readonly closedMs: number;
  /** One open loop run, ms. */
  readonly openMs: number;
  /** Requests of one idle comparison, a side and pair. */
  readonly idleRequests: number;
  /** Distinct keys of the workload. */
  readonly keys: number;
  /** Rows a key before anything is measured: past COLLECTING (250) and BURN_IN (250). */
  readonly warmRowsPerKey: number;
  /** Distinct keys of the memory suite, and rows each. */
  readonly memoryKeys: number;
  readonly memoryRowsPerKey: number;
  /** Fresh starts of the server in the warm-up suite. */
  readonly starts: number;
  /** Rows of the peers, a repeat. */
  readonly peerRows: number;
}

export const scales: Readonly<Record<Scale["name"], Scale>> = {
  full: {
    name: "full",
    pairs: 5,
    closedMs: 1500,
    openMs: 4000,
    idleRequests: 400,
    keys: 1000,
    warmRowsPerKey: 544,
    memoryKeys: 100_000,
    memoryRowsPerKey: 256,
    starts: 5,
    peerRows: 20_000,
  },
  quick: {
    name: "quick",
    pairs: 5,
    closedMs: 700,
    openMs: 1500,
    idleRequests: 100,
    keys: 1000,
    warmRowsPerKey: 544,
    memoryKeys: 20_000,
    memoryRowsPerKey: 256,
    starts: 3,
    peerRows: 5000,
  },
  tiny: {
    name: "tiny",
    pairs: 1,
    closedMs: 150,
    openMs: 150,
    idleRequests: 5,
    keys: 20,
    warmRowsPerKey: 300,
    memoryKeys: 200,
    memoryRowsPerKey: 4,
    starts: 1,
    peerRows: 50,
  },
};

/** The suites, in the order they run. */
export const suiteNames = [
  "step",
  "frames",
  "events",
  "unary",
  "http",
  "stream",
  "idle",
  "telemetry",
  "training",
  "warmup",
  "memory",
  "peers",
  "kinds",
  "features",
  "durability",
] as const;
export type SuiteName = (typeof suiteNames)[number];

/** What the command line asked for. */
export interface BenchOptions {
  readonly scale: Scale;
  readonly suites: ReadonlySet<SuiteName>;
  /** Where the JSON goes; undefined = nowhere. */
  readonly json: string | undefined;
  readonly help: boolean;
}

export const usage = `npm run bench -- [options]

  --only NAME   one suite; may be repeated: ${suiteNames.join(", ")}
  --quick       shorter runs: a first impression, not for quoting
  --tiny        next to nothing: proves that it works
  --json FILE   everything that was measured, for bench/report.ts
`;

function isSuite(name: string): name is SuiteName {
  return (suiteNames as readonly string[]).includes(name);
}

/** Throws an Error that names the mistake. */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: "string", multiple: true },
      quick: { type: "boolean", default: false },
      tiny: { type: "boolean", default: false },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const suites = new Set<SuiteName>();
  for (const name of values.only ?? []) {
    if (!isSuite(name)) {
      throw new Error(`--only ${name}: no such suite; there are ${suiteNames.join(", ")}`);
    }
    suites.add(name);
  }
  const size = values.tiny ? "tiny" : values.quick ? "quick" : "full";
  return {
    scale: scales[size],
    suites: suites.size === 0 ? new Set(suiteNames) : suites,
    json: values.json,
    help: values.help,
  };
}
