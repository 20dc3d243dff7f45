/**
 * The memory map of a shard as TypeScript sees it: the mirror of assembly/layout.ts, which draws it.
 * `test/unit/assembly/layout.test.ts` compares the two number by number. All numbers are little-endian.
 *
 * This file and the modules beside it are the only ones that know these offsets.
 */

/** Bytes of a WebAssembly page, and of a page of the arena. */
export const PAGE_BYTES = 65_536;

/** Written at the start of the root block: "WEIR". */
export const MAGIC = 0x5249_4557;
/** Raised whenever an offset, an export or the meaning of a field changes. */
export const ABI_VERSION = 4;

export const CONTROL_BASE = 2 * PAGE_BYTES;
export const SCRATCH_BASE = 3 * PAGE_BYTES;
/** A part of a detector's state on its way out or in; holds no state. */
export const TRANSFER_BASE = 11 * PAGE_BYTES;
export const TRANSFER_BYTES = 16 * PAGE_BYTES;
export const REGION_BASE = TRANSFER_BASE + TRANSFER_BYTES;
/** From one region to the next. */
export const REGION_BYTES = 95 * PAGE_BYTES;
/** One is in flight while the other gathers. */
export const REGIONS = 2;
export const ARENA_BASE = REGION_BASE + REGIONS * REGION_BYTES;
/** Fixed blocks, one detector and a few hundred keys: below it `initialize` answers `Status.NO_MEMORY`. */
export const MEMORY_BYTES_MIN = ARENA_BASE + 48 * PAGE_BYTES;
export const DETECTORS_MAX = 64;
export const FEATURES_MAX = 256;
export const ROWS_MAX = 8192;
/** float64s in a region. */
export const VALUES_MAX = 524_288;
/** Bytes of keys and ids in a region. */
export const BYTES_MAX = 1_048_576;
export const PARTITIONS = 256;

/** Offsets in the root block. */
export const Root = {
  magic: 0, // u32
  abiVersion: 4, // u32
  memoryBytes: 8, // f64
  /** What is in progress: 0 nothing, 1 a step, 2 a change of detectors, 3 a recovery. Not 0 in an idle shard = it died. */
  inProgress: 16, // u32
  region: 20, // u32, of the step in progress
  row: 24, // u32, of the step in progress: first row of the block of rows being worked on
  /** Tests only: not 0 = the fault operations trap or spin instead of being refused. */
  faults: 28, // u32
  tick: 32, // u64, rows that touched a key
  arenaTop: 40, // u32, first byte never used
  arenaFreePages: 44, // u32, pages below arenaTop that nothing uses
  recoveries: 48, // u32
  /** Trainings that are due and that nobody has taken yet. */
  trainingsDue: 68, // u32
  sink: 60, // u32, takes what is loaded only to have it in cache
  slots: 4096,
} as const;

/**
 * Bytes of the root block that tell how a step was run and are no state, as offset and length: two memories that worked off the same operations
 * may differ in them.
 */
export const VOLATILE_ROOT: readonly (readonly [offset: number, bytes: number])[] = [
  [Root.region, 4],
  [Root.row, 4],
  [Root.faults, 4],
  [Root.recoveries, 4],
  [Root.sink, 4],
];

/** Bytes of a detector's slot block; slot `s` is at `Root.slots + s * SLOT_BYTES`. */
export const SLOT_BYTES = 256;

/** Offsets in a slot block: counters that the host reads between steps. f64 counts are whole numbers. */
export const Slot = {
  detector: 0, // u32 address; 0 = slot is free
  generation: 4, // u32, raised by create, reset and delete
  keys: 8, // u32, live
  structures: 12, // u32, tree structures shared by them
  eventsLearned: 16, // f64
  anomalies: 24, // f64
  keysEvicted: 32, // f64
  keysExpired: 40, // f64
  /** Keys dropped by `recover`, because a batch that died touched them. */
  keysInDoubt: 48, // f64
  /** Arena bytes of keys, tables, structures and ids. */
  stateBytes: 56, // f64
  rowsRefused: 64, // f64, status NO_MEMORY or KEYS_FULL
  idsRemembered: 72, // u32
  /** Of the cell of the key "", which is the detector's where its scope is the detector: a State; 0 = there is no such cell. */
  cellState: 76, // u32
  /** Copies of windows made to train on. */
  trainings: 80, // f64
  /** Trainings that made no model, whatever the reason. */
  trainingsFailed: 88, // f64
  /** Of them: those whose copy or model found no memory. */
  trainingsWithoutMemory: 96, // f64
  /** Times that a window could not grow: it goes on with fewer rows. */
  windowsWithoutMemory: 104, // f64
  /** Rows that the cell has learned. */
  cellPosition: 112, // f64
  /** Position of the window that its model was trained on. */
  cellTrainedAt: 120, // f64
  /** Rows in its window. */
  cellRows: 128, // u32
  cellVersion: 132, // u32
  /** Rows before their key's watermark, whatever became of them. */
  rowsLate: 136, // f64
  /** Rows beyond the tolerance. */
  rowsFuture: 144, // f64
  /** Keys with features of which at least one window is made of panes. */
  keysInPanes: 152, // u32
  /** Time of the newest heartbeat; -Infinity = none. */
  heartbeatMs: 160, // f64
} as const;

/** Offsets in a ticket: a training that is due or under way. `takeTraining` answers a ticket's address. */
export const Ticket = {
  /** Names the training; never the same twice. 0 = free. */
  handle: 0, // f64
  slot: 12, // u32
  /** Address of the copy's block; its rows begin BLOCK_HEADER bytes after it. */
  rows: 16, // u32
  count: 20, // u32
  columns: 24, // u32
  /** Of the model that it will make. */
  version: 28, // u32
  /** Rows that the cell had learned. */
  position: 32, // f64
  /** The position from which on it was due. */
  dueAt: 40, // f64
  hashLo: 52, // u32, of the key
  hashHi: 56, // u32
} as const;

/** Offsets in a key's block; `nextKey` answers a block's address. */
export const Key = {
  hashLo: 8, // u32
  hashHi: 12, // u32
  /** Bytes of the key. */
  length: 18, // u16
  /** Rows learned. */
  learned: 24, // f64
  /** Arrival of its newest row. */
  arrivalMs: 64, // f64
  text: 96,
} as const;

/** Bytes before the rows of a training's copy. */
export const BLOCK_HEADER = 16;

/** Offsets in a region's header. */
export const RegionHeader = {
  rows: 0, // u32
  valuesUsed: 4, // u32, TS's own
  bytesUsed: 8, // u32, TS's own
} as const;

/** Offsets of a region's parts from its start. */
export const Region = {
  header: 0,
  rows: PAGE_BYTES,
  outputs: PAGE_BYTES + ROWS_MAX * 64,
  values: PAGE_BYTES + ROWS_MAX * (64 + 48),
  bytes: PAGE_BYTES + ROWS_MAX * (64 + 48) + VALUES_MAX * 8,
} as const;

export const ROW_BYTES = 64;
/** Offsets in a row's descriptor. */
export const Row = {
  slot: 0, // u16
  op: 2, // u8, Op
  flags: 3, // u8, RowFlag
  requestRow: 4, // u32, TS's own
  keyOffset: 8, // u32, in the region's bytes
  keyLength: 12, // u16
  idLength: 14, // u16
  hashLo: 16, // u32; its low byte is the partition
  hashHi: 20, // u32
  arrivalMs: 24, // f64
  eventTimeMs: 32, // f64
  /**
   * Index of the row's first float64 in the region: `features` values, by column, NaN = missing. Of a detector with a feature program:
   * sources, and room for features and the bits of defaults; in READ_FEATURES the sources are not read. A HEARTBEAT has none.
   */
  valuesOffset: 40, // u32
  idOffset: 44, // u32, in the region's bytes
  /** 1, 2, ... over the detector's rows that carry ids. */
  sequence: 48, // f64
  /** KeyHash of the key that the client sent: another than the row's where all rows of a detector share one cell. */
  clientLo: 56, // u32, TS's own
  clientHi: 60, // u32, TS's own
} as const;

export const OUTPUT_BYTES = 48;
/** Offsets in a row's output. */
export const Output = {
  score: 0, // f64, NaN = absent
  raw: 8, // f64
  threshold: 16, // f64
  state: 24, // u8, State of domain/verdict.ts
  anomaly: 25, // u8
  replayed: 26, // u8
  source: 27, // u8, Source of domain/verdict.ts
  modelVersion: 28, // u32
  rule: 32, // i32, -1 = none
  status: 36, // u32, Status
  systemAction: 40, // u8
  timeliness: 41, // u8, Timeliness of domain/verdict.ts
} as const;

/** What to do with a row. */
export const Op = {
  /** Cancelled before its batch was cut: its output says OK and nothing else. */
  SKIP: 0,
  SCORE_AND_LEARN: 1,
  SCORE_ONLY: 2,
  LEARN_ONLY: 3,
  /** A fallback answered a row with this key and id: remember its verdict (values, see `Amend`) as the first one. */
  AMEND: 4,
  /** The features of a key as of eventTimeMs, without an event; changes nothing. Output.state: ReadBits. */
  READ_FEATURES: 5,
  /** The row joins its key's windows and gets its features; no model sees it. */
  DERIVE: 6,
  /** Time has reached eventTimeMs in this shard, for all keys of the detector. */
  HEARTBEAT: 7,
  /** Tests only, needs `Root.faults`: never returns. */
  SPIN: 254,
  /** Tests only, needs `Root.faults`: traps. */
  TRAP: 255,
} as const;

/** What READ_FEATURES says of a key beside its features. */
export const ReadBits = { KNOWN: 1, EXACT: 2, COVERED: 4 } as const;

export const RowFlag = {
  SYSTEM_ACTION: 1,
  EXPLAIN: 2,
  HAS_MISSING: 4,
  HAS_ID: 8,
  /** TS's own: the row of a shadow, whose live one has it, too. */
  SHADOW: 16,
  /** The row is only scored, and is in no journal: nothing of it stays. */
  FLEETING: 32,
  /** TS's own: its key was in the share of a shadow. Both have the row, each with this flag, and the client got the shadow's verdict. */
  SHARED: 64,
} as const;

/** The values of an AMEND row, by index. */
export const Amend = {
  score: 0,
  raw: 1,
  threshold: 2,
  /** state | anomaly << 8 | source << 16 | systemAction << 24 */
  packed: 3,
  rule: 4,
  modelVersion: 5,
  length: 6,
} as const;

/**
 * float64s that a row with the EXPLAIN flag reserves: values, contributions, expected (each by column), baseline. Of a detector with a
 * feature program the last three come after the bits of defaults.
 */
export const explainValues = (features: number): number => 3 * features + 1;

/** A row's status; also what createDetector and initialize answer. */
export const Status = {
  OK: 0,
  /** The arena is full and nothing can leave it. */
  NO_MEMORY: 1,
  UNKNOWN_DETECTOR: 2,
  /** A new key where the partition is full and the detector refuses. */
  KEYS_FULL: 3,
  UNKNOWN_OP: 4,
  BAD_CONFIG: 5,
  SLOT_IN_USE: 6,
  NOT_INITIALIZED: 7,
  /** A row whose offsets point out of its region. */
  BAD_ROW: 8,
  /** The training's cell was reset, evicted or deleted meanwhile, or the training was given up. */
  GONE: 9,
  /** A model of another kind, or of other columns. */
  BAD_MODEL: 10,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

/** What `step` answers instead of a number of rows. */
export const StepError = { BAD_REGION: -1, NEEDS_RECOVERY: -2 } as const;

/** A detector's configuration in the control block: float64s by index. */
export const Control = {
  features: 0,
  trees: 1,
  height: 2,
  window: 3,
  seedLo: 4,
  seedHi: 5,
  scaler: 6,
  burnInEvents: 7,
  /** NaN = by alertShare. */
  threshold: 8,
  alertShare: 9,
  /** ceil(keysMax / 256). */
  keysPerPartition: 10,
  /** 0 evict the longest idle, 1 refuse. */
  atKeysMax: 11,
  /** 0 = no expiry. */
  keyTtlMs: 12,
  idsMax: 13,
  /** 0 or 1. */
  learnSystemActions: 14,
  modelKind: 15,
  /** Of window models, from here to `lags`. 10..50,000. */
  windowRows: 16,
  minSamples: 17,
  retrainInterval: 18,
  /** Number of `normalizations` in models/module.ts. */
  normalization: 19,
  /** 0 or 1. */
  dropFlagged: 20,
  rollingCount: 21,
  lagCount: 22,
  /** Up to eight windows of rolling features, rows. */
  rolling: 23,
  /** Up to eight lags, rows. */
  lags: 31,
  /** Then order[features] (position by name -> column), low[features], high[features] (both by column). */
  order: 39,
  /** 1 = a feature program follows (feature-program.ts). */
  hasProgram: 1023,
  program: 1024,
} as const;

export const ScalerKind = { NONE: 0, STANDARD: 1, MIN_MAX: 2 } as const;
/** Window models have the numbers of models/kinds.ts. */
export const ModelKind = { HALF_SPACE_TREES: 1 } as const;

/** First byte of a region. */
export const regionBase = (region: number): number => REGION_BASE + region * REGION_BYTES;
/** First byte of a detector's slot block. */
export const slotBase = (slot: number): number => Root.slots + slot * SLOT_BYTES;

/** The numbers that both sides must share, in the order of assembly/layout-values.ts. */
export const layoutValues: readonly number[] = [
  MAGIC,
  ABI_VERSION,
  CONTROL_BASE,
  SCRATCH_BASE,
  TRANSFER_BASE,
  TRANSFER_BYTES,
  REGION_BASE,
  REGION_BYTES,
  ARENA_BASE,
  MEMORY_BYTES_MIN,
  DETECTORS_MAX,
  FEATURES_MAX,
  ROWS_MAX,
  VALUES_MAX,
  BYTES_MAX,
  SLOT_BYTES,
  ...Object.values(Root),
  ...Object.values(Slot),
  ...Object.values(Ticket),
  ...Object.values(Key),
  ...Object.values(Region),
  ...Object.values(Row),
  ...Object.values(Output),
  ...Object.values(Control),
];
