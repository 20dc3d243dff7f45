import type { LoopResult } from "./end-to-end/loops.ts";
import type { Spread } from "./statistics.ts";

/** Everything a run measured: what `--json` writes and bench/report.ts reads. */
export interface BenchResults {
  readonly date: string;
  readonly machine: Machine;
  readonly scale: "full" | "quick" | "tiny";
  readonly suites: Suites;
  /** Suites that could not run, and why. */
  readonly skipped: Readonly<Record<string, string>>;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  readonly system: string;
  /** Load average of the minute before the run. */
  readonly load: number;
}

/** What each suite found; absent = it did not run. */
export interface Suites {
  step?: StepReport;
  frames?: LaneReport;
  events?: LaneReport;
  unary?: LaneReport;
  http?: LaneReport;
  idle?: readonly IdleReport[];
  telemetry?: TelemetryReport;
  training?: TrainingReport;
  stream?: StreamHttpReport;
  warmup?: WarmupReport;
  memory?: MemoryReport;
  peers?: PeersReport;
  kinds?: KindsReport;
  features?: FeaturesReport;
  durability?: DurabilityReport;
}

export type LaneName = "frames" | "events" | "unary" | "http";

/** One way in: how much goes through, and what happens before and after that. */
export interface LaneReport {
  readonly lane: LaneName;
  readonly rowsPerRequest: number;
  readonly requestBytes: number;
  /** Of one answer; the echo's is Weir's own, encoded again. */
  readonly answerBytes: { readonly weir: number; readonly echo: number };
  /** Of the scores of the same 4,096 rows; the same on every lane. */
  readonly checksum: string;
  readonly saturation: {
    readonly inFlight: number;
    readonly weirRowsPerS: Spread;
    readonly echoRowsPerS: Spread;
    /** Weir over echo, pair by pair. */
    readonly ratio: Spread;
    /** Of Weir's answered rows. */
    readonly modelShare: number;
    /** Rows a batch; undefined when the server does not tell. */
    readonly meanBatchRows: number | undefined;
    readonly autocannon?: AutocannonReport;
  };
  readonly open: readonly OpenReport[];
}

export interface AutocannonReport {
  readonly requestsPerS: Spread;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** One run of arrivals on a schedule. */
export interface OpenReport {
  readonly target: "weir" | "echo";
  /** "poisson", or "burst": what saturation takes 100 ms for at once, every 500 ms. */
  readonly arrivals: "poisson" | "burst";
  /** Of the saturation; 2 = 200 %. */
  readonly load: number;
  readonly result: LoopResult;
  /** Goodput over Weir's saturation in this lane. */
  readonly goodputOfSaturation: number;
  /** By the server's clock: share of answers later than `bound` seconds after they were decoded; Weir only. */
  readonly late: { readonly share: number; readonly boundS: number } | undefined;
  /** Share of 20 ms timers of a process that does nothing else which woke more than 5 ms late meanwhile. */
  readonly controlLateShare: number;
}

/** One request at a time, with pauses. Microseconds. */
export interface IdleReport {
  readonly lane: "events" | "unary";
  readonly weirP50Us: Spread;
  readonly echoP50Us: Spread;
  readonly addedP50Us: Spread;
  readonly weirP99Us: number;
  readonly echoP99Us: number;
  readonly addedP99Us: number;
  readonly samples: number;
}

export interface TelemetryReport {
  readonly lanes: readonly {
    readonly lane: "frames" | "events";
    readonly onRowsPerS: Spread;
    readonly offRowsPerS: Spread;
    /** On over off, pair by pair. */
    readonly ratio: Spread;
  }[];
}

/** LlamaFarm's streaming endpoint on one connection, beside a fastify echo of the same JSON. */
export interface StreamHttpReport {
  readonly requestsPerS: Spread;
  readonly echoPerS: Spread;
  readonly ratio: Spread;
  readonly p99Ms: Spread;
}

/** Scoring at half of saturation, with trainings behind it and without, by turns. */
export interface TrainingReport {
  readonly runs: readonly {
    readonly kind: string;
    readonly lane: "events" | "frames";
    readonly offeredRowsPerS: number;
    readonly stillP99Us: Spread;
    readonly trainingP99Us: Spread;
    /** Without, beside a foreign program of the lowest priority. */
    readonly foreignP99Us: Spread;
    /** With over without, pair by pair. */
    readonly ratio: Spread;
    /** Beside the foreign program over without. */
    readonly foreignRatio: Spread;
    /** That ended while they were measured. */
    readonly trainings: number;
    /** Share of that time in which a training ran. */
    readonly busyShare: number;
  }[];
}

export interface WarmupReport {
  /** From the start of the process to its ports, ms. */
  readonly startMs: Spread;
  readonly firstP99Us: Spread;
  readonly steadyP99Us: Spread;
  readonly ratio: Spread;
  readonly requests: number;
}

export interface MemoryReport {
  readonly keys: number;
  readonly rowsPerKey: number;
  /** One row a key. */
  readonly youngBytesPerKey: number;
  /** Nine tenths into its first window. */
  readonly collectingBytesPerKey: number;
  /** Past its first window. */
  readonly matureBytesPerKey: number;
  readonly residentGrowthBytes: number;
  readonly rowsPerS: number;
}

/** The WASM step alone. */
export interface StepReport {
  readonly cases: readonly {
    readonly keys: number;
    readonly inputs: number;
    /** Median over rounds, and the best. */
    readonly nsPerEvent: number;
    readonly nsPerEventBest: number;
    readonly eventsPerS: number;
    /** State of all keys over the keys: after one event each, and when all have scores. */
    readonly bytesPerKeyYoung: number;
    readonly bytesPerKey: number;
    readonly checksum: string;
  }[];
}

/** Python peers beside the step, round by round. */
export interface PeersReport {
  readonly versions: Readonly<Record<string, string>>;
  readonly riverEventsPerS: Spread;
  readonly bytewaxEventsPerS: Spread;
  /** Of the scores, when both computed the same rows; equal means bit-equal. */
  readonly checksums: { readonly river: string; readonly weir: string | undefined };
  /** Step over River, round by round, by number of keys. */
  readonly stepOverRiver: readonly { readonly keys: number; readonly ratio: Spread }[];
}

/** Window models beside PyOD, and rolling features beside Polars. */
export interface KindsReport {
  readonly versions: Readonly<Record<string, string>>;
  readonly kinds: readonly KindReport[];
  readonly polars: TimesReport;
  /** A row's mean, std, min and max of one column over its last `window` rows. */
  readonly rolling: readonly { readonly window: number; readonly nsPerRow: number }[];
}

export interface KindReport {
  readonly kind: string;
  /** Of 1,000 rows of 10 columns. */
  readonly fit: TimesReport;
  /** One row alone. */
  readonly one: TimesReport;
  /** A row of 256. */
  readonly batch: TimesReport;
}

/** Microseconds of both sides; the peer's are undefined where it is not installed. */
export interface TimesReport {
  readonly weirUs: Spread;
  readonly peerUs: Spread | undefined;
  /** The peer's time over Weir's, pair by pair. */
  readonly ratio: Spread | undefined;
}

/** Twelve features over three windows of a key's events. */
export interface FeaturesReport {
  /** The step with nothing but features, past the first day of events. */
  readonly cases: readonly {
    readonly keys: number;
    readonly nsPerEvent: Spread;
    readonly bytesPerKey: number;
  }[];
  /** Six features of one window at the same rate of events: 24 hours, and a minute. */
  readonly lengths: {
    readonly eventsInLongWindow: number;
    readonly longNs: Spread;
    readonly shortNs: Spread;
    readonly ratio: Spread;
  };
  readonly versions: Readonly<Record<string, string>>;
  /** Weir over each peer; `polars_file` is from Parquet to Parquet, Weir's command with its start. */
  readonly peers: readonly {
    readonly peer: string;
    readonly rowsPerS: Spread;
    readonly weirRowsPerS: Spread;
    readonly ratio: Spread;
  }[];
  /** The largest relative difference from River's numbers on the same rows. */
  readonly differences: number | undefined;
  /** Why there are no peers. */
  readonly skipped: string | undefined;
}

/** What it costs that nothing acknowledged is lost. */
export interface DurabilityReport {
  /** A write of 16 KiB and fdatasync: between the runs of the levels while nothing else ran, and beside `none` under the load of the levels. */
  readonly sync: { readonly idle: SyncTimes; readonly loaded: SyncTimes };
  /** Each level and `none` by turns, in servers of their own side by side. */
  readonly levels: readonly DurabilityLevel[];
  readonly snapshot: {
    readonly keys: number;
    readonly stateBytes: number;
    readonly fileBytes: number;
    /** Rows since the snapshot before, which are replayed for it. */
    readonly rows: number;
    readonly seconds: number;
  };
  /** Events at half of the saturation, with a snapshot being written the whole time and without, by turns. */
  readonly whileSnapshot: {
    readonly stateBytes: number;
    readonly offeredPerS: number;
    readonly snapshotSeconds: number;
    readonly stillP99Us: Spread;
    readonly snapshotP99Us: Spread;
    readonly ratio: Spread;
  };
  /** Events at half of the saturation in short runs with a swap of versions in their midst and without, by turns. */
  readonly swaps: readonly {
    readonly what: string;
    readonly keys: number;
    readonly offeredPerS: number;
    readonly stillP99Us: Spread;
    readonly swapP99Us: Spread;
    readonly ratio: Spread;
  }[];
  readonly recovery: {
    readonly keys: number;
    readonly rows: number;
    /** From the start of the process to its ports: after a kill, and with nothing to recover. */
    readonly seconds: number;
    readonly emptySeconds: number;
    /** Rows over the difference of the two. */
    readonly rowsPerS: number;
    /** Of the step alone, on one thread; with 100,000 keys where the run is not the smallest. */
    readonly stepRowsPerS: number;
  };
  /** `weir replay` of the same journal: seconds with the start of the process, rows a second as it says. Undefined = it could not be run. */
  readonly replay:
    | { readonly rows: number; readonly seconds: number; readonly rowsPerS: number }
    | undefined;
}

/** Microseconds. */
export interface SyncTimes {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly runs: number;
}

export interface DurabilityLevel {
  readonly level: "acknowledged" | "relaxed";
  /** Packed frames at saturation. */
  readonly rowsPerS: Spread;
  readonly noneRowsPerS: Spread;
  /** Level over none, pair by pair. */
  readonly ratio: Spread;
  /** Events, at half of what `acknowledged` takes. */
  readonly offeredPerS: number;
  readonly p50Us: Spread;
  readonly p99Us: Spread;
  readonly noneP50Us: Spread;
  readonly noneP99Us: Spread;
  /** Level less none, pair by pair. */
  readonly addedP50Us: Spread;
  readonly addedP99Us: Spread;
  /** Of the events: as many were in flight as a stream takes. Beyond nothing the server, or the machine, stood still. */
  readonly refusedShare: number;
  /** Of the server's commits since its start, each a sync, to a factor of 2. */
  readonly commitP99Us: number;
}
