/** Every limit of Weir: unit in the name, default, and why it is what it is. */
export const limits = {
  /** The largest gRPC or HTTP message taken, bytes. A frame of 1,024 rows x 256 inputs is 2 MiB. */
  messageBytesMax: 4 * 1024 * 1024,
  /** Rows in one request: a quarter of a shard's region, so that one request never fills it. */
  requestRowsMax: 2048,
  /** Requests in flight on one stream. */
  streamRequestsMax: 1024,
  /** Requests in flight in the server, all transports. */
  serverRequestsMax: 16_384,
  /** Concurrent streams (calls) on one connection: HTTP/2's SETTINGS_MAX_CONCURRENT_STREAMS. */
  connectionStreamsMax: 256,
  /** Answers written to one stream and not yet taken by its reader, bytes; above it the stream is not read. */
  streamBufferedBytesMax: 1024 * 1024,
  /** Keys in one request for features: with 60 features each they fill an answer of 4 MiB. */
  readKeysMax: 8192,
  /** Keys of all such requests in flight: with 64 features each, 150 MB of answers. */
  readKeysHeldMax: 262_144,
  /** A request for features has no fallback; without a deadline of its caller's it fails after this time. 8,192 full logs of the past take seconds. */
  readTimeoutMs: 60_000,
  /** UTF-8 bytes. */
  detectorNameBytesMax: 128,
  inputNameBytesMax: 128,
  ruleNameBytesMax: 128,
  keyBytesMax: 256,
  idBytesMax: 128,
  categoryBytesMax: 256,
  systemActionBytesMax: 128,
  /** A rule's expression. */
  ruleBytesMax: 4096,
  /** Every detector has one of the 64 slots in every shard's root block; one is left for Weir's own while it warms up. */
  detectorsMax: 63,
  inputsMax: 256,
  rulesMax: 64,
  /** 10 x the default: below it River's trees are a toy, above it a row costs milliseconds. */
  treesMax: 200,
  heightMax: 16,
  /** Masses of one window fit in 16 bits. */
  windowMax: 65_535,
  /** Leaves of all trees: 25 trees x height 15, River's own default, is 819,200. */
  leavesMax: 2_097_152,
  keysMax: 16_000_000,
  idsMax: 10_000_000,
  /** Numbers beyond it overflow a variance. */
  magnitudeMax: 1e100,
  /** 2^53 - 1. */
  timeUnixMsMax: Number.MAX_SAFE_INTEGER,
  timeoutMsMax: 60_000,
  batchWaitMsMin: 1,
  batchWaitMsMax: 50,
  /** Watchers of alerts, all transports. */
  watchersMax: 256,
  /** Alerts waiting for one watcher. */
  watcherAlertsMax: 1024,
  webhookAlertsMax: 4096,
  /** HTTP connections, idle ones among them: a load balancer's pool is in the hundreds. Further ones are closed at once. */
  httpConnectionsMax: 4096,
  /** Header bytes of an HTTP request: Node's own default, stated. */
  httpHeaderBytesMax: 16 * 1024,
  /** An HTTP request has arrived whole within this time, or its connection is closed (slow loris). */
  httpRequestTimeoutMs: 30_000,
  /** The largest HTTP body taken, bytes: JSON is about five times as long as the same rows packed. */
  httpBodyBytesMax: 4 * 1024 * 1024,
  /** A configuration file, bytes: 64 detectors of 256 inputs fit several times. */
  configBytesMax: 8 * 1024 * 1024,
  /** Worker threads and shards: each shard reserves its memory as address space. */
  threadsMax: 256,
  shardsMax: 64,
  /** State memory of one shard, bytes: its two regions take 12 MiB; WebAssembly addresses 4 GiB, less one page. */
  shardMemoryBytesMin: 32 * 1024 * 1024,
  shardMemoryBytesMax: 65_535 * 65_536,
  /** A batch on the main thread blocks it for about a microsecond a row. */
  inlineRowsMax: 2048,
  drainTimeoutMsMax: 600_000,
  /** Rows of a training window: what trains in more than linear time samples from it (assembly/model). */
  windowRowsMax: 50_000,
  /** More rows than a window holds never train; LlamaFarm takes such a detector too. */
  minSamplesMax: 1_000_000,
  retrainIntervalMax: 1_000_000_000,
  /** Rolling windows, and lags, of one detector. */
  periodsMax: 8,
  /** Columns that a window model sees: inputs with what is derived from them. The kernel's MODEL_COLUMNS_MAX. */
  modelColumnsMax: 1024,
  /** Features that one detector derives: the kernel's DERIVED_MAX. */
  derivedFeaturesMax: 64,
  /** Events that a key's log holds; a row takes its sources' bytes. */
  exactEventsMin: 2,
  exactEventsMax: 65_536,
  /** The most that the features of one key may take: a state that grows is moved, and makes room among other keys. */
  featureStateBytesMax: 16 * 1024 * 1024,
  /** Categories in a sequence whose novelty is a feature. */
  sequenceMax: 8,
  /** Numbers that a hash makes of a category. */
  categoryHashesMax: 1_000_000,
  timeZoneBytesMax: 64,
  /** Changes of clocks in the time zones of one detector's windows, 1970 to 2050: Europe/Berlin has 143. */
  zoneTransitionsMax: 1024,
  /**
   * Distinct values that a label or frequency encoding remembers of one field, and characters of all of them together in one encoder
   * (half of the largest request): later values count as unseen.
   */
  encodingValuesMax: 10_000,
  encodingCharactersMax: 2 * 1024 * 1024,
  /** Columns of one onehot encoding: LlamaFarm's bound. */
  onehotValuesMax: 100,
  /** Of a fitted model; file systems take names of 255 bytes. */
  modelNameBytesMax: 128,
  modelDescriptionCharsMax: 4096,
  /** Of a model file: the header holds its encoder's values, which JSON may write six times as long. */
  modelHeaderBytesMax: 16 * 1024 * 1024,
  modelBytesMax: 256 * 1024 * 1024,
  /** Model files in the data directory: versions pile up. */
  modelFilesMax: 1000,
  /** Fitted models in memory, and their bytes; the one used longest ago leaves and is read again when it is asked for. */
  fittedModelsMax: 64,
  fittedBytesMax: 512 * 1024 * 1024,
  /** Rows in one request to fit or score, and numbers in all of its rows: 64 MiB of them. */
  fitRowsMax: 100_000,
  fitNumbersMax: 8 * 1024 * 1024,
  /** Numbers of all such requests that wait for a model thread or are on one: 256 MiB. */
  fitNumbersHeldMax: 32 * 1024 * 1024,
  /** Contributions in one answer. */
  explainedNumbersMax: 100_000,
  /** Values that rows hold, all detectors together, until the detectors know their inputs: 128 MiB. */
  discoveryValuesMax: 16_777_216,
  /** Buffers of rows (/v1/polars), all clients together. */
  buffersMax: 1000,
  bufferIdCharsMax: 256,
  bufferRowsMax: 100_000,
  /** A buffer that nobody touched for a day leaves. */
  bufferIdleMsMax: 24 * 3600 * 1000,
  bufferColumnsMax: 256,
  /** Rows in one append. */
  bufferAppendRowsMax: 10_000,
  /** Of all buffers; what a row takes is 8 bytes a number and two a character of text. */
  buffersBytesMax: 512 * 1024 * 1024,
  /** Characters of one text value. */
  bufferTextCharsMax: 4096,
  /** Cells of one answer: 2 million are about 40 MB of JSON. Ask for a tail to get the rest. */
  bufferAnswerCellsMax: 2_000_000,
  /** Characters of one answer, where names or texts are long; and of all answers that clients have not taken yet. */
  bufferAnswerCharsMax: 128 * 1024 * 1024,
  bufferAnswersCharsMax: 256 * 1024 * 1024,
  /** Requests for answers that wait; one is computed at a time. */
  bufferAnswersMax: 64,
  /** Points in one request to LlamaFarm's streaming endpoint, which has no bound of its own. */
  llamafarmRowsMax: 10_000,
  /** Requests to one streaming detector that wait for those before them: a first training holds them for milliseconds to seconds. */
  llamafarmQueueMax: 256,
  /** Bodies of all such requests together, bytes: as rows they take about five times as much. */
  llamafarmQueueBytesMax: 32 * 1024 * 1024,
  /** A year. */
  llamafarmDetectorTtlSecondsMax: 31_536_000,
  /** Threads that train. Each reserves its memory as address space, beside the one that scores with models in no shard. */
  trainerThreadsMax: 64,
  /** Memory that one training may use, MiB: 50,000 rows x 256 columns and the work of every kind fit the default. */
  trainerMemoryMb: 1024,
  trainerMemoryMbMin: 64,
  trainerMemoryMbMax: 4095,
  /** Trainings that wait, over all detectors; beyond it the least overdue is given up and due again an interval later. */
  trainerQueueMax: 256,
  trainerQueueMaxMax: 4096,
  /** Rows of the trainings that wait, bytes: one window of 50,000 rows x 1,024 columns is 410 MB and is always taken. */
  trainerQueueBytesMax: 256 * 1024 * 1024,
  /** Of one detector's state on its way to another server; a shard's memory is 4 GiB at most, and is compressed. */
  exportBytesMax: 8 * 1024 * 1024 * 1024,
  /** One message of an export: well under the 4 MiB that clients take. */
  exportChunkBytesMax: 1024 * 1024,
  /** An import of which nothing comes for so long is given up: it keeps others waiting. */
  importIdleMs: 30_000,
  /** Of a directory that is named in a request: Linux's PATH_MAX. */
  pathBytesMax: 4096,
  /** Seconds between two snapshots: what is replayed at a start is about as old; at most a day. */
  snapshotIntervalSeconds: 300,
  snapshotIntervalSecondsMax: 86_400,
  snapshotsKept: 3,
  snapshotsKeptMax: 1000,
  /** MiB: about 100 million rows of ten inputs; at most 16 TiB. */
  journalMaxMb: 8192,
  journalMaxMbMax: 16 * 1024 * 1024,
  /** Hours: a week; at most ten years. */
  journalMaxAgeHours: 168,
  journalMaxAgeHoursMax: 87_600,
  /** Versions of a detector that can be gone back to. */
  versionsKept: 3,
  versionsKeptMax: 16,
  /** Rows that wait for one shadow, and about their bytes: what is more is shed. A second of 65,536 rows/s. */
  shadowRowsMax: 65_536,
  shadowBytesMax: 16 * 1024 * 1024,
  /** State that is copied for a shadow, bytes: the shards wait for about 2 ms a MiB. */
  copiedStateBytesMax: 256 * 1024 * 1024,
} as const;

/** The limits that a server works with: the defaults, where the configuration does not move them. */
export type Limits = { readonly [Name in keyof typeof limits]: number };
