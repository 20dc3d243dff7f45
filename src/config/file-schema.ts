import * as z from "zod";
import { detectorSchema } from "./detector-schema.ts";
import { limits } from "./limits.ts";
import { show } from "./problems.ts";

/** The message of a value that is not what is expected. */
function wrong(expected: string): (issue: { readonly input?: unknown }) => string {
  return (issue) => `got ${show(issue.input)}, expected ${expected}`;
}

function text(expected: string, pattern = /\S/) {
  const error = wrong(expected);
  return z.string({ error }).regex(pattern, { error });
}

function whole(min: number, max: number) {
  const error = wrong(`a whole number between ${min} and ${max}`);
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function choice<const T extends readonly [string, ...string[]]>(...names: T) {
  return z.enum(names, { error: wrong(`one of ${names.join(", ")}`) });
}

function wrongSection(issue: { readonly code?: string; readonly input?: unknown }) {
  return issue.code === "unrecognized_keys" ? undefined : wrong("an object")(issue);
}

function section<Shape extends z.ZodRawShape>(shape: Shape, description: string) {
  return z.strictObject(shape, { error: wrongSection }).meta({ description });
}

/** HOST:PORT; an IPv6 host in brackets; port 0 = any free one. */
const addressPattern = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+):\d{1,5}$/;
const offPattern = new RegExp(`^off$|${addressPattern.source}`);
const adminPattern = new RegExp(`^same$|${offPattern.source}`);

const path = () => text("the path of a file");
const list = (element: z.ZodString) =>
  z.array(element, { error: wrong("a list") }).max(1024, { error: wrong("at most 1024 elements") });

const webhook = section(
  {
    url: text("an http or https URL", /^https?:\/\/[^\s]+$/i).meta({
      description: "Where alerts are posted to.",
    }),
    detectors: list(text("the name of a detector"))
      .optional()
      .meta({ description: "Detectors whose alerts are posted; none = all.", default: [] }),
    headers: z
      .record(z.string(), text("text"), { error: wrong("a map of header names to text") })
      .optional()
      .meta({ description: "Sent with every request, for example authorization." }),
    timeout_ms: whole(1, 60_000)
      .optional()
      .meta({ description: "For one attempt.", default: 10_000 }),
    attempts: whole(1, 100)
      .optional()
      .meta({ description: "Then the alerts are lost, and counted.", default: 8 }),
  },
  "Alerts by HTTP POST.",
);

const bound = (max: number, byDefault: number, description: string) =>
  whole(1, max).optional().meta({ description, default: byDefault });

const limitOverrides = section(
  {
    message_bytes_max: bound(
      256 * 1024 * 1024,
      limits.messageBytesMax,
      "The largest gRPC message taken.",
    ),
    request_rows_max: bound(limits.requestRowsMax, limits.requestRowsMax, "Rows in one request."),
    stream_requests_max: bound(
      1_000_000,
      limits.streamRequestsMax,
      "Requests in flight on one stream.",
    ),
    server_requests_max: bound(
      1_000_000,
      limits.serverRequestsMax,
      "Requests in flight in the server.",
    ),
    connection_streams_max: bound(
      100_000,
      limits.connectionStreamsMax,
      "Concurrent streams on one connection.",
    ),
    stream_buffered_bytes_max: bound(
      256 * 1024 * 1024,
      limits.streamBufferedBytesMax,
      "Answers that wait for one stream's reader.",
    ),
    watchers_max: bound(10_000, limits.watchersMax, "Watchers of alerts."),
    http_body_bytes_max: bound(
      256 * 1024 * 1024,
      limits.httpBodyBytesMax,
      "The largest HTTP body taken.",
    ),
    http_connections_max: bound(1_000_000, limits.httpConnectionsMax, "HTTP connections."),
  },
  "Bounds that can be moved; the others are fixed.",
);

const tls = section(
  {
    cert: path().meta({ description: "Certificate chain, PEM." }),
    key: path().meta({ description: "Private key, PEM." }),
    client_ca: path().optional().meta({
      description: "Only clients with a certificate of this authority (mutual TLS).",
    }),
  },
  "TLS for gRPC; HTTP stays plain text. Paths are relative to this file.",
);

const log = section(
  {
    level: choice("trace", "debug", "info", "warn", "error", "fatal", "silent")
      .optional()
      .meta({ description: "The least that is logged.", default: "info" }),
    format: choice("auto", "json", "text")
      .optional()
      .meta({ description: "auto: text on a terminal, JSON elsewhere.", default: "auto" }),
  },
  "The log on standard output.",
);

const telemetry = section(
  {
    enabled: z
      .boolean({ error: wrong("true or false") })
      .optional()
      .meta({ description: "Metrics and traces.", default: true }),
    otlp_endpoint: text("a URL, for example http://127.0.0.1:4317", /^https?:\/\/[^\s]+$/i)
      .optional()
      .meta({ description: "An OpenTelemetry collector (OTLP over gRPC); absent = none." }),
    trace_sample_ratio: z
      .number({ error: wrong("a number between 0 and 1") })
      .min(0, { error: wrong("a number between 0 and 1") })
      .max(1, { error: wrong("a number between 0 and 1") })
      .optional()
      .meta({ description: "Share of requests that are traced.", default: 0.01 }),
    metrics_interval_ms: whole(100, 3_600_000)
      .optional()
      .meta({ description: "Between two exports.", default: 10_000 }),
  },
  "What is told about the server while it runs.",
);

/** What of the state is on disk, and for how long. */
const stateOptions = {
  durability: choice("acknowledged", "relaxed", "none").optional().meta({
    description:
      "acknowledged: a verdict of the model leaves when its event is on disk; relaxed: events are on disk within 50 ms; none: nothing is kept over a restart.",
    default: "acknowledged",
  }),
  snapshots: section(
    {
      interval_seconds: whole(0, limits.snapshotIntervalSecondsMax).optional().meta({
        description: "From one to the next while anything changes; 0 = only on request.",
        default: limits.snapshotIntervalSeconds,
      }),
      kept: whole(1, limits.snapshotsKeptMax).optional().meta({
        description: "The newest; older ones are deleted.",
        default: limits.snapshotsKept,
      }),
    },
    "Snapshots of the state.",
  ).optional(),
  journal: section(
    {
      max_mb: whole(0, limits.journalMaxMbMax).optional().meta({
        description: "MiB of it behind the oldest snapshot; what is over is deleted.",
        default: limits.journalMaxMb,
      }),
      max_age_hours: whole(0, limits.journalMaxAgeHoursMax).optional().meta({
        description: "Of what is behind the oldest snapshot; what is older is deleted.",
        default: limits.journalMaxAgeHours,
      }),
    },
    "The journal of events: what replays and explanations go back to.",
  ).optional(),
  versions_kept: whole(0, limits.versionsKeptMax).optional().meta({
    description: "Versions of a detector that can be gone back to.",
    default: limits.versionsKept,
  }),
};

/** The configuration file, with `detectors` as given: all fields optional, names as they are written. */
function fileSchema<Detector extends z.ZodType>(detector: Detector) {
  return section(
    {
      grpc: text("HOST:PORT, for example 127.0.0.1:50051", addressPattern)
        .optional()
        .meta({ description: "Address of the gRPC server.", default: "127.0.0.1:50051" }),
      http: text('HOST:PORT, for example 127.0.0.1:14345, or "off"', offPattern)
        .optional()
        .meta({ description: 'Address of the HTTP server, or "off".', default: "127.0.0.1:14345" }),
      data: text("the path of a directory").optional().meta({
        description: "Directory of the state; relative to this file.",
        default: "./.weir",
      }),
      admin: text('HOST:PORT, "same" or "off"', adminPattern).optional().meta({
        description:
          'Where operations are served: beside scoring, on the addresses above ("same"); over gRPC on an address of their own; or "off".',
        default: "same",
      }),
      ...stateOptions,
      tls: tls.optional(),
      drain_timeout_ms: whole(0, limits.drainTimeoutMsMax)
        .optional()
        .meta({ description: "The longest drain after SIGTERM.", default: 10_000 }),
      threads: whole(1, limits.threadsMax)
        .optional()
        .meta({ description: "Worker threads; default: one less than the cores, at least 1." }),
      shards: whole(1, limits.shardsMax).optional().meta({
        description:
          "Shards of the state; default: as many as are stored, at first as many as threads.",
      }),
      state_memory_mb: whole(1, 1024 * 1024)
        .optional()
        .meta({ description: "State memory of all shards, MiB; default: half of the memory." }),
      inline_rows_max: whole(0, limits.inlineRowsMax).optional().meta({
        description: "Batches up to this size skip the threads; default: 256, on two cores 2048.",
      }),
      trainer_threads: whole(1, limits.trainerThreadsMax)
        .optional()
        .meta({ description: "Threads that train models, at low priority.", default: 1 }),
      trainer_memory_mb: whole(limits.trainerMemoryMbMin, limits.trainerMemoryMbMax)
        .optional()
        .meta({
          description: "Memory that one training may use, MiB; reserved, used as needed.",
          default: limits.trainerMemoryMb,
        }),
      trainer_queue_max: whole(1, limits.trainerQueueMaxMax).optional().meta({
        description: "Trainings that may wait; beyond it the least overdue is given up.",
        default: limits.trainerQueueMax,
      }),
      llamafarm_detector_ttl_seconds: whole(0, limits.llamafarmDetectorTtlSecondsMax)
        .optional()
        .meta({
          description:
            "Streaming detectors that have learned nothing for this long are deleted, but for those declared here; 0 = never.",
          default: 0,
        }),
      log: log.optional(),
      telemetry: telemetry.optional(),
      alerts: section({ webhook: webhook.optional() }, "Where anomalies are sent.").optional(),
      limits: limitOverrides.optional(),
      detectors: z
        .record(z.string(), detector, { error: wrong("a map of names to detectors") })
        .optional()
        .meta({ description: "Detectors by name, created at start when they are not there." }),
    },
    "Configuration of Weir.",
  );
}

/** What is checked: detectors are read by `readSpec`, whose messages say more. */
export const optionsSchema = fileSchema(z.unknown());

/** The file as it is written, detectors apart unchecked. */
export type FileOptions = z.infer<typeof optionsSchema>;

/** JSON Schema (draft 2020-12) of the configuration file, for editors. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  return { title: "Weir", ...z.toJSONSchema(fileSchema(detectorSchema), { io: "input" }) };
}
