import { availableParallelism, totalmem } from "node:os";
import { resolve } from "node:path";
import type { DetectorConfig } from "../domain/detector.ts";
import type { FileOptions } from "./file-schema.ts";
import { limits, type Limits } from "./limits.ts";
import type { Address, ResolvedOptions, WebhookTarget } from "./options.ts";
import { OptionsError } from "./options-error.ts";
import { readTls, type TlsFiles } from "./tls.ts";

const pageBytes = 65_536;
const mebibyte = 1024 * 1024;

/** What is known beside the merged options. */
export interface Surroundings {
  readonly cwd: string;
  readonly detectors: ReadonlyMap<string, DetectorConfig>;
  readonly configFile: string | undefined;
}

/** Fills in the defaults, reads what the options name, and checks how they go together. */
export function resolveOptions(options: FileOptions, around: Surroundings): ResolvedOptions {
  return Object.freeze({
    ...addressesOf(options),
    ...placementOf(options),
    trainer: trainerOf(options),
    streamingDetectorTtlMs: (options.llamafarm_detector_ttl_seconds ?? 0) * 1000,
    dataDirectory: options.data ?? resolve(around.cwd, ".weir"),
    state: stateOf(options),
    tls: tlsOf(options.tls),
    drainTimeoutMs: options.drain_timeout_ms ?? 10_000,
    log: logOf(options.log ?? {}),
    telemetry: telemetryOf(options.telemetry ?? {}),
    webhook: webhookOf(options.alerts?.webhook),
    limits: limitsOf(options.limits ?? {}),
    detectors: around.detectors,
    configFile: around.configFile,
  });
}

function addressesOf(options: FileOptions): Pick<ResolvedOptions, "admin" | "grpc" | "http"> {
  const http = options.http ?? "127.0.0.1:14345";
  return {
    admin: adminOf(options.admin ?? "same"),
    grpc: addressOf(options.grpc ?? "127.0.0.1:50051", "grpc"),
    http: http === "off" ? undefined : addressOf(http, "http"),
  };
}

function adminOf(written: string): ResolvedOptions["admin"] {
  if (written === "same") return "same";
  return written === "off" ? undefined : addressOf(written, "admin");
}

function stateOf(options: FileOptions): ResolvedOptions["state"] {
  const { snapshots = {}, journal = {} } = options;
  return Object.freeze({
    durability: options.durability ?? "acknowledged",
    snapshotIntervalMs: (snapshots.interval_seconds ?? limits.snapshotIntervalSeconds) * 1000,
    snapshotsKept: snapshots.kept ?? limits.snapshotsKept,
    journalBytesMax: (journal.max_mb ?? limits.journalMaxMb) * mebibyte,
    journalAgeMsMax: (journal.max_age_hours ?? limits.journalMaxAgeHours) * 3_600_000,
    versionsKept: options.versions_kept ?? limits.versionsKept,
  });
}

type Placement = "threads" | "shards" | "shardsGiven" | "shardMemoryBytes" | "inlineRowsMax";

function placementOf(options: FileOptions): Pick<ResolvedOptions, Placement> {
  const threads = options.threads ?? Math.max(1, availableParallelism() - 1);
  const shards = options.shards ?? Math.min(threads, limits.shardsMax);
  return {
    threads,
    shards,
    shardsGiven: options.shards !== undefined,
    shardMemoryBytes: shardMemory(options.state_memory_mb, shards),
    inlineRowsMax: options.inline_rows_max ?? inlineRowsByCores(),
  };
}

function trainerOf(options: FileOptions): ResolvedOptions["trainer"] {
  return Object.freeze({
    threads: options.trainer_threads ?? 1,
    memoryBytes: (options.trainer_memory_mb ?? limits.trainerMemoryMb) * mebibyte,
    queueMax: options.trainer_queue_max ?? limits.trainerQueueMax,
  });
}

/**
 * Where a client, Weir's main thread and a worker share two cores, a hop to the worker only takes time from the others, so batches
 * run where they are; with more cores a batch is worth its hop (about 40 us of the main thread) from some 256 rows on.
 */
function inlineRowsByCores(): number {
  return availableParallelism() <= 2 ? 2048 : 256;
}

function logOf(log: NonNullable<FileOptions["log"]>): ResolvedOptions["log"] {
  return Object.freeze({ level: log.level ?? "info", format: log.format ?? "auto" });
}

function addressOf(written: string, name: string): Address {
  const colon = written.lastIndexOf(":");
  const host = written.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const port = Number(written.slice(colon + 1));
  if (port > 65_535) {
    throw new OptionsError(`${name}: got ${written}, expected a port between 0 and 65535`, 2);
  }
  return Object.freeze({ host, port });
}

/** Bytes of one shard, whole pages. */
function shardMemory(megabytes: number | undefined, shards: number): number {
  const { shardMemoryBytesMin, shardMemoryBytesMax } = limits;
  if (megabytes === undefined) {
    const half = wholePages(memoryBytes() / 2 / shards);
    return Math.min(shardMemoryBytesMax, Math.max(shardMemoryBytesMin, half));
  }
  const each = wholePages((megabytes * mebibyte) / shards);
  if (each >= shardMemoryBytesMin) return Math.min(shardMemoryBytesMax, each);
  const least = (shards * shardMemoryBytesMin) / mebibyte;
  throw new OptionsError(
    `state_memory_mb: got ${megabytes} for ${shards} shards, expected at least ${least}: raise it or lower shards`,
    2,
  );
}

function wholePages(bytes: number): number {
  return Math.floor(bytes / pageBytes) * pageBytes;
}

/** The memory that this process may use: its container's where there is one. */
function memoryBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

function tlsOf(tls: FileOptions["tls"]): TlsFiles | undefined {
  if (tls === undefined) return undefined;
  return readTls({ cert: tls.cert, key: tls.key, clientCa: tls.client_ca });
}

function telemetryOf(
  telemetry: NonNullable<FileOptions["telemetry"]>,
): ResolvedOptions["telemetry"] {
  return Object.freeze({
    enabled: telemetry.enabled ?? true,
    otlpEndpoint: telemetry.otlp_endpoint,
    traceSampleRatio: telemetry.trace_sample_ratio ?? 0.01,
    metricsIntervalMs: telemetry.metrics_interval_ms ?? 10_000,
  });
}

function webhookOf(
  webhook: NonNullable<FileOptions["alerts"]>["webhook"],
): WebhookTarget | undefined {
  if (webhook === undefined) return undefined;
  const url = URL.parse(webhook.url);
  if (url === null || url.username !== "" || url.password !== "") {
    const expected = "expected an http or https URL without user and password";
    throw new OptionsError(`alerts.webhook.url: ${expected} (those belong in headers)`, 1);
  }
  return Object.freeze({
    url,
    detectors: Object.freeze(webhook.detectors ?? []),
    headers: Object.freeze(webhook.headers ?? {}),
    timeoutMs: webhook.timeout_ms ?? 10_000,
    attemptsMax: webhook.attempts ?? 8,
  });
}

function limitsOf(moved: NonNullable<FileOptions["limits"]>): Limits {
  return Object.freeze({
    ...limits,
    messageBytesMax: moved.message_bytes_max ?? limits.messageBytesMax,
    requestRowsMax: moved.request_rows_max ?? limits.requestRowsMax,
    streamRequestsMax: moved.stream_requests_max ?? limits.streamRequestsMax,
    serverRequestsMax: moved.server_requests_max ?? limits.serverRequestsMax,
    connectionStreamsMax: moved.connection_streams_max ?? limits.connectionStreamsMax,
    streamBufferedBytesMax: moved.stream_buffered_bytes_max ?? limits.streamBufferedBytesMax,
    watchersMax: moved.watchers_max ?? limits.watchersMax,
    httpBodyBytesMax: moved.http_body_bytes_max ?? limits.httpBodyBytesMax,
    httpConnectionsMax: moved.http_connections_max ?? limits.httpConnectionsMax,
  });
}
