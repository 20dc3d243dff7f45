import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { DetectorConfig } from "../domain/detector.ts";
import { readConfig, readOptions, type ConfigFile } from "./config-file.ts";
import { parseFlags } from "./flags.ts";
import { formatProblems } from "./format-problems.ts";
import { limits, type Limits } from "./limits.ts";
import { merge, treeOf, withPaths } from "./option-sources.ts";
import { OptionsError } from "./options-error.ts";
import { formatPath, Problems } from "./problems.ts";
import { resolveOptions } from "./resolve-options.ts";
import type { TlsFiles } from "./tls.ts";

export interface Address {
  /** Without brackets. */
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
}

/** Everything that the server is started with: defaults filled in, validated, frozen. Paths are absolute. */
export interface ResolvedOptions {
  readonly grpc: Address;
  /** Undefined = off. */
  readonly http: Address | undefined;
  /** The operations over gRPC: same = beside scoring, and over HTTP too; an address = there alone; undefined = nowhere. */
  readonly admin: Address | "same" | undefined;
  readonly dataDirectory: string;
  /** What is kept on disk, and for how long. */
  readonly state: {
    /** acknowledged: a verdict of the model leaves when its rows are on disk; relaxed: they are within 50 ms; none: nothing is kept. */
    readonly durability: "acknowledged" | "relaxed" | "none";
    /** 0 = only on request. */
    readonly snapshotIntervalMs: number;
    readonly snapshotsKept: number;
    /** Of the journal behind the oldest snapshot: what is over either bound is deleted. */
    readonly journalBytesMax: number;
    readonly journalAgeMsMax: number;
    /** Of a detector, beside the one that serves. */
    readonly versionsKept: number;
  };
  /** Of gRPC; undefined = plain text. */
  readonly tls: TlsFiles | undefined;
  readonly drainTimeoutMs: number;
  readonly threads: number;
  readonly shards: number;
  /** False = a number by the threads, which gives way to the number that is stored. */
  readonly shardsGiven: boolean;
  /** Of one shard; a multiple of 64 KiB. */
  readonly shardMemoryBytes: number;
  readonly inlineRowsMax: number;
  /** 0 = never. */
  readonly streamingDetectorTtlMs: number;
  readonly trainer: {
    readonly threads: number;
    /** Of one thread; a multiple of 64 KiB. */
    readonly memoryBytes: number;
    /** Trainings that may wait for a thread. */
    readonly queueMax: number;
  };
  readonly log: {
    readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
    /** auto = text on a terminal, JSON elsewhere. */
    readonly format: "auto" | "json" | "text";
  };
  readonly telemetry: {
    readonly enabled: boolean;
    /** Undefined = nothing is sent. */
    readonly otlpEndpoint: string | undefined;
    /** 0..1 */
    readonly traceSampleRatio: number;
    readonly metricsIntervalMs: number;
  };
  /** Undefined = none. */
  readonly webhook: WebhookTarget | undefined;
  readonly limits: Limits;
  /** By name, in the order of the file. */
  readonly detectors: ReadonlyMap<string, DetectorConfig>;
  /** Undefined = none was given. */
  readonly configFile: string | undefined;
}

export interface WebhookTarget {
  readonly url: URL;
  /** None = all. */
  readonly detectors: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly attemptsMax: number;
}

/** Where options come from. */
export interface OptionSources {
  /** Without the verb. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths of flags and environment start here; those of the file start at the file. */
  readonly cwd: string;
}

/** Flag over environment over file over default. Throws an OptionsError, whose message is for a terminal. */
export function loadOptions(sources: OptionSources): ResolvedOptions {
  const { env, cwd } = sources;
  const flags = parseFlags(sources.argv);
  const flagged = treeOf(
    ({ flag }) => flags.get(flag),
    ({ flag }) => `--${flag}`,
  );
  const inEnvironment = treeOf(
    (entry) => env[entry.env] || undefined,
    (entry) => entry.env,
  );
  const shown = flags.get("config") ?? (env["WEIR_CONFIG"] || undefined);
  const path = shown === undefined ? undefined : resolve(cwd, shown);
  const file = path === undefined ? noFile : loadFile(path, shown ?? path);
  const fromFile = withPaths(file.options, path === undefined ? cwd : dirname(path));
  const tree = merge(merge(fromFile, withPaths(inEnvironment, cwd)), withPaths(flagged, cwd));
  const problems = new Problems(1);
  const options = readOptions(tree, problems);
  const [problem] = problems.list;
  if (problem !== undefined) {
    throw new OptionsError(`${formatPath(problem.path)}: ${problem.message}`, 2);
  }
  return resolveOptions(options, { cwd, detectors: file.detectors, configFile: path });
}

const noFile: ConfigFile = { options: {}, detectors: new Map(), problems: [] };

/** `shown` is how the user named the file. */
function loadFile(path: string, shown: string): ConfigFile {
  const text = readConfigText(path, shown);
  const file = readConfig(text);
  if (file.problems.length === 0) return file;
  throw new OptionsError(formatProblems(shown, text, file.problems), 1);
}

/** The text of a configuration file; an OptionsError says why it cannot be read. */
export function readConfigText(path: string, shown: string): string {
  let bytes: number;
  let text: string;
  try {
    bytes = statSync(path).size;
    text = bytes > limits.configBytesMax ? "" : readFileSync(path, "utf8");
  } catch (thrown) {
    throw OptionsError.unreadable("the configuration file", shown, thrown);
  }
  if (bytes <= limits.configBytesMax) return text;
  const bound = `at most ${limits.configBytesMax} are taken`;
  throw new OptionsError(`the configuration file ${shown} has ${bytes} bytes, ${bound}`, 1);
}
