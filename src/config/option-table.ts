/** An option that can also be given on the command line and in the environment. */
export interface OptionEntry {
  readonly flag: string;
  readonly env: string;
  /** Where it stands in the configuration file. */
  readonly path: readonly [string] | readonly [string, string];
  readonly kind: "text" | "number" | "switch";
  /** What stands for the value in the help. */
  readonly value: string;
  readonly help: string;
  readonly default: string;
}

/** In the order of the help. */
export const optionTable: readonly OptionEntry[] = [
  {
    flag: "grpc",
    env: "WEIR_GRPC",
    path: ["grpc"],
    kind: "text",
    value: "HOST:PORT",
    help: "gRPC address",
    default: "127.0.0.1:50051",
  },
  {
    flag: "http",
    env: "WEIR_HTTP",
    path: ["http"],
    kind: "text",
    value: "HOST:PORT",
    help: 'HTTP address, or "off"',
    default: "127.0.0.1:14345",
  },
  {
    flag: "data",
    env: "WEIR_DATA",
    path: ["data"],
    kind: "text",
    value: "DIR",
    help: "directory of the state",
    default: "./.weir",
  },
  {
    flag: "threads",
    env: "WEIR_THREADS",
    path: ["threads"],
    kind: "number",
    value: "N",
    help: "worker threads",
    default: "cores - 1, at least 1",
  },
  {
    flag: "shards",
    env: "WEIR_SHARDS",
    path: ["shards"],
    kind: "number",
    value: "N",
    help: "shards of the state",
    default: "as many as threads",
  },
  {
    flag: "state-memory-mb",
    env: "WEIR_STATE_MEMORY_MB",
    path: ["state_memory_mb"],
    kind: "number",
    value: "MIB",
    help: "state memory of all shards",
    default: "half of the memory",
  },
  {
    flag: "inline-rows-max",
    env: "WEIR_INLINE_ROWS_MAX",
    path: ["inline_rows_max"],
    kind: "number",
    value: "N",
    help: "batches up to this size skip the threads",
    default: "256; 2048 on two cores",
  },
  {
    flag: "drain-timeout-ms",
    env: "WEIR_DRAIN_TIMEOUT_MS",
    path: ["drain_timeout_ms"],
    kind: "number",
    value: "MS",
    help: "longest drain after SIGTERM",
    default: "10000",
  },
  {
    flag: "tls-cert",
    env: "WEIR_TLS_CERT",
    path: ["tls", "cert"],
    kind: "text",
    value: "FILE",
    help: "certificate chain, PEM: turns TLS on",
    default: "none",
  },
  {
    flag: "tls-key",
    env: "WEIR_TLS_KEY",
    path: ["tls", "key"],
    kind: "text",
    value: "FILE",
    help: "private key of the certificate, PEM",
    default: "none",
  },
  {
    flag: "tls-client-ca",
    env: "WEIR_TLS_CLIENT_CA",
    path: ["tls", "client_ca"],
    kind: "text",
    value: "FILE",
    help: "take only clients of this authority",
    default: "none",
  },
  {
    flag: "log-level",
    env: "WEIR_LOG_LEVEL",
    path: ["log", "level"],
    kind: "text",
    value: "LEVEL",
    help: "trace, debug, info, warn, error, fatal, silent",
    default: "info",
  },
  {
    flag: "log-format",
    env: "WEIR_LOG_FORMAT",
    path: ["log", "format"],
    kind: "text",
    value: "FORMAT",
    help: "json, text, or auto (text on a terminal)",
    default: "auto",
  },
  {
    flag: "telemetry",
    env: "WEIR_TELEMETRY",
    path: ["telemetry", "enabled"],
    kind: "switch",
    value: "on|off",
    help: "metrics and traces",
    default: "on",
  },
  {
    flag: "otlp-endpoint",
    env: "WEIR_OTLP_ENDPOINT",
    path: ["telemetry", "otlp_endpoint"],
    kind: "text",
    value: "URL",
    help: "OpenTelemetry collector (OTLP over gRPC)",
    default: "none",
  },
  {
    flag: "trace-sample-ratio",
    env: "WEIR_TRACE_SAMPLE_RATIO",
    path: ["telemetry", "trace_sample_ratio"],
    kind: "number",
    value: "0..1",
    help: "share of requests that are traced",
    default: "0.01",
  },
];
