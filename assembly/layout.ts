/*
 * The memory of a shard.
 *
 *          0 ┌──────────────────────────┐
 *            │ ROOT            64 KiB   │ magic, what is in progress, tick, arena state, 64 slots, trainings
 *     64 KiB ├──────────────────────────┤
 *            │ WASM constants  64 KiB   │ data segments (--memoryBase), written again by every instantiation
 *    128 KiB ├──────────────────────────┤
 *            │ CONTROL         64 KiB   │ a detector's configuration on its way in; scratch of recover
 *    192 KiB ├──────────────────────────┤
 *            │ SCRATCH        512 KiB   │ of one call, no state: pending rows, counts of a window, MT19937
 *    704 KiB ├──────────────────────────┤
 *            │ TRANSFER         1 MiB   │ a part of a detector's state on its way out or in, no state
 *  1.688 MiB ├──────────────────────────┤
 *            │ REGION A       95 pages  │ header, 8,192 rows of 64 B, 8,192 outputs of 48 B, 524,288 f64, 1 MiB of bytes
 *            ├──────────────────────────┤
 *            │ REGION B       95 pages  │ the same: one is in flight while the other gathers
 *   13.6 MiB ├──────────────────────────┤
 *            │ ARENA                    │ slabs and page runs: detectors, tables, keys, logs, totals, structures, ids
 *            └──────────────────────────┘ end of memory, fixed when it is made
 *
 * src/shard/layout.ts mirrors the numbers; layout-values.ts lets a test compare them one by one.
 */

export const PAGE_BYTES: u32 = 65536;
export const PAGE_SHIFT: u32 = 16;
export const MAGIC: u32 = 0x52494557;
export const ABI_VERSION: u32 = 4;

export const CONTROL_BASE: u32 = 2 * PAGE_BYTES;
export const SCRATCH_BASE: u32 = 3 * PAGE_BYTES;
export const TRANSFER_BASE: u32 = 11 * PAGE_BYTES;
export const TRANSFER_BYTES: u32 = 16 * PAGE_BYTES;
export const REGION_BASE: u32 = TRANSFER_BASE + TRANSFER_BYTES;
export const REGION_BYTES: u32 = 95 * PAGE_BYTES;
export const REGIONS: u32 = 2;
export const ARENA_BASE: u32 = REGION_BASE + REGIONS * REGION_BYTES;
export const MEMORY_BYTES_MIN: u32 = ARENA_BASE + 48 * PAGE_BYTES;

export const DETECTORS_MAX: u32 = 64;
export const FEATURES_MAX: u32 = 256;
export const ROWS_MAX: u32 = 8192;
export const VALUES_MAX: u32 = 524288;
export const BYTES_MAX: u32 = 1048576;
export const PARTITIONS: u32 = 256;
export const SLOT_BYTES: u32 = 256;
export const SLOTS_BASE: u32 = 4096;

/** The root block, at address 0. */
@unmanaged
export class Root {
  magic: u32; // 0
  abiVersion: u32; // 4
  memoryBytes: f64; // 8
  inProgress: u32; // 16
  region: u32; // 20
  row: u32; // 24
  faults: u32; // 28
  tick: u64; // 32
  arenaTop: u32; // 40
  arenaFreePages: u32; // 44
  recoveries: u32; // 48
  arenaEnd: u32; // 52, past the last page that may be used
  freeRuns: u32; // 56, first of the list of free page runs
  sink: u32; // 60, takes what is loaded only to have it in cache
  doubt: u32; // 64, number + 1 of the region whose step has begun and not ended; outlives a recovery that is cut off
  trainingsDue: u32; // 68, trainings that nobody has taken yet
  trainings: f64; // 72, trainings ever due in this memory: what tells their handles apart
}

/** Heads of the lists of slabs with a free block, one u32 a size class. */
export const ARENA_CLASSES_BASE: u32 = 256;

/*
 * SCRATCH, by use. Nothing in it outlives a call.
 *
 *      0  MT19937 state, and the normal deviate that waits
 *   4064  hash of an id, 16 B
 *   4096  boxes and weights of a tree build    12 KiB
 *  16384  a row's {old, new} pairs, one v128 a feature
 *  24576  splits asked of each feature of an explained row
 *  32768  pending rows, 32 of 1 KiB
 *  65536  rows looked up ahead, u32 each
 * 131072  a row of a window model: its columns, then their contributions, 8 KiB each
 * 262144  masses of a window being folded, 256 KiB
 */
export const SCRATCH_RANDOM: u32 = SCRATCH_BASE;
export const SCRATCH_ID: u32 = SCRATCH_BASE + 4064;
export const SCRATCH_BUILD: u32 = SCRATCH_BASE + 4096;
export const SCRATCH_PAIRS: u32 = SCRATCH_BASE + 16384;
export const SCRATCH_EXPLAIN: u32 = SCRATCH_BASE + 24576;
export const SCRATCH_PENDING: u32 = SCRATCH_BASE + 32768;
export const SCRATCH_AHEAD: u32 = SCRATCH_BASE + 65536;
export const SCRATCH_ROW: u32 = SCRATCH_BASE + 131072;
export const SCRATCH_CONTRIBUTIONS: u32 = SCRATCH_ROW + 8192;
export const SCRATCH_FOLD: u32 = SCRATCH_BASE + 262144;
export const SCRATCH_FOLD_BYTES: u32 = 262144;

/** What `Root.inProgress` says. */
export const IDLE: u32 = 0;
export const STEPPING: u32 = 1;
export const CHANGING: u32 = 2;
export const RECOVERING: u32 = 3;

/** A detector's place in the root block, 256 B. */
@unmanaged
export class Slot {
  detector: u32; // 0, address of its block
  generation: u32; // 4
  keys: u32; // 8
  structures: u32; // 12
  eventsLearned: f64; // 16
  anomalies: f64; // 24
  keysEvicted: f64; // 32
  keysExpired: f64; // 40
  keysInDoubt: f64; // 48
  stateBytes: f64; // 56
  rowsRefused: f64; // 64
  idsRemembered: u32; // 72
  /** The cell of the key "": its counters below; 0 = there is none. */
  cellState: u32; // 76
  trainings: f64; // 80, copies of windows made to train on
  trainingsFailed: f64; // 88, given up or without a model
  trainingsWithoutMemory: f64; // 96, of a copy or a model that found no room
  windowsWithoutMemory: f64; // 104, times that a window could not grow
  cellPosition: f64; // 112, rows learned
  cellTrainedAt: f64; // 120, position of the window that its model was trained on
  cellRows: u32; // 128, in its window
  cellVersion: u32; // 132
  rowsLate: f64; // 136
  rowsFuture: f64; // 144
  keysInPanes: u32; // 152, keys with a window that is made of panes
  reserved: u32;
  heartbeatMs: f64; // 160, -Infinity = there was none
}

/** A training that is due or under way, 64 B: a window's copy, and whose it is. Each slot has its own few. */
@unmanaged
export class Ticket {
  handle: f64; // 0, 0 = free; never the same twice
  key: u32; // 8, address of the key's block
  slot: u32; // 12
  rows: u32; // 16, block of the copy; 0 = it has been read and given back
  count: u32; // 20
  columns: u32; // 24
  version: u32; // 28, of the model that it makes
  position: f64; // 32, rows that the cell had learned
  dueAt: f64; // 40, the position from which on it was due
  taken: u32; // 48
  hashLo: u32; // 52, of the key
  hashHi: u32; // 56
  kept: u32; // 60, of a recovery: its cell lives and knows it
}

export const TICKETS_BASE: u32 = SLOTS_BASE + DETECTORS_MAX * SLOT_BYTES;
/** At most so many trainings of a detector wait in a shard: copies of more keys' windows would only fill the memory and age. */
export const TICKETS_A_SLOT: u32 = 4;
export const TICKET_BYTES: u32 = 64;

export function ticketAt(index: u32): Ticket {
  return changetype<Ticket>(TICKETS_BASE + index * TICKET_BYTES);
}

/** A row's descriptor, 64 B. */
@unmanaged
export class Row {
  slot: u16; // 0
  op: u8; // 2
  flags: u8; // 3
  requestRow: u32; // 4
  keyOffset: u32; // 8
  keyLength: u16; // 12
  idLength: u16; // 14
  hashLo: u32; // 16
  hashHi: u32; // 20
  arrivalMs: f64; // 24
  eventTimeMs: f64; // 32
  valuesOffset: u32; // 40
  idOffset: u32; // 44
  sequence: f64; // 48
  clientLo: u32; // 56, TS's own
  clientHi: u32; // 60, TS's own
}

/** A row's output, 48 B. */
@unmanaged
export class Output {
  score: f64; // 0
  raw: f64; // 8
  threshold: f64; // 16
  state: u8; // 24
  anomaly: u8; // 25
  replayed: u8; // 26
  source: u8; // 27
  modelVersion: u32; // 28
  rule: i32; // 32
  status: u32; // 36
  systemAction: u8; // 40
  timeliness: u8; // 41
}

export const ROW_BYTES: u32 = 64;
export const OUTPUT_BYTES: u32 = 48;
export const REGION_ROWS: u32 = PAGE_BYTES;
export const REGION_OUTPUTS: u32 = REGION_ROWS + ROWS_MAX * ROW_BYTES;
export const REGION_VALUES: u32 = REGION_OUTPUTS + ROWS_MAX * OUTPUT_BYTES;
export const REGION_TEXT: u32 = REGION_VALUES + VALUES_MAX * 8;

export const OP_SKIP: u32 = 0;
export const OP_SCORE_AND_LEARN: u32 = 1;
export const OP_SCORE_ONLY: u32 = 2;
export const OP_LEARN_ONLY: u32 = 3;
export const OP_AMEND: u32 = 4;
export const OP_READ_FEATURES: u32 = 5;
export const OP_DERIVE: u32 = 6;
export const OP_HEARTBEAT: u32 = 7;
export const OP_SPIN: u32 = 254;
export const OP_TRAP: u32 = 255;

export const FLAG_SYSTEM_ACTION: u32 = 1;
export const FLAG_EXPLAIN: u32 = 2;
export const FLAG_HAS_MISSING: u32 = 4;
export const FLAG_HAS_ID: u32 = 8;
/** The row is in no journal: nothing of it may stay, not even a count. 16 is the host's own. */
export const FLAG_FLEETING: u32 = 32;

export const OK: u32 = 0;
export const NO_MEMORY: u32 = 1;
export const UNKNOWN_DETECTOR: u32 = 2;
export const KEYS_FULL: u32 = 3;
export const UNKNOWN_OP: u32 = 4;
export const BAD_CONFIG: u32 = 5;
export const SLOT_IN_USE: u32 = 6;
export const NOT_INITIALIZED: u32 = 7;
export const BAD_ROW: u32 = 8;
export const GONE: u32 = 9;
export const BAD_MODEL: u32 = 10;

export const BAD_REGION: i32 = -1;
export const NEEDS_RECOVERY: i32 = -2;

export const STATE_COLLECTING: u32 = 1;
export const STATE_BURN_IN: u32 = 2;
export const STATE_READY: u32 = 3;
export const STATE_RETRAINING: u32 = 4;
export const SOURCE_MODEL: u32 = 1;
/** Of Half-Space Trees: never replaced but by resetting their detector. */
export const MODEL_VERSION: u32 = 1;

/** The configuration in CONTROL: float64s by index. */
export const CONTROL_FEATURES: u32 = 0;
export const CONTROL_TREES: u32 = 1;
export const CONTROL_HEIGHT: u32 = 2;
export const CONTROL_WINDOW: u32 = 3;
export const CONTROL_SEED_LO: u32 = 4;
export const CONTROL_SEED_HI: u32 = 5;
export const CONTROL_SCALER: u32 = 6;
export const CONTROL_BURN_IN: u32 = 7;
export const CONTROL_THRESHOLD: u32 = 8;
export const CONTROL_ALERT_SHARE: u32 = 9;
export const CONTROL_KEYS_PER_PARTITION: u32 = 10;
export const CONTROL_AT_KEYS_MAX: u32 = 11;
export const CONTROL_KEY_TTL_MS: u32 = 12;
export const CONTROL_IDS_MAX: u32 = 13;
export const CONTROL_LEARN_SYSTEM_ACTIONS: u32 = 14;
export const CONTROL_MODEL_KIND: u32 = 15;
/** Of window models; 0 for others, as others' are for them. */
export const CONTROL_WINDOW_ROWS: u32 = 16;
export const CONTROL_MIN_SAMPLES: u32 = 17;
export const CONTROL_RETRAIN_INTERVAL: u32 = 18;
export const CONTROL_NORMALIZATION: u32 = 19;
export const CONTROL_DROP_FLAGGED: u32 = 20;
export const CONTROL_ROLLING_COUNT: u32 = 21;
export const CONTROL_LAG_COUNT: u32 = 22;
export const CONTROL_ROLLING: u32 = 23;
export const CONTROL_LAGS: u32 = 31;
export const CONTROL_ORDER: u32 = 39;

export const CONTROL_HAS_PROGRAM: u32 = 1023;
export const CONTROL_PROGRAM: u32 = 1024;

/** What OP_READ_FEATURES says of a key, in Output.state. */
export const READ_KNOWN: u32 = 1;
export const READ_EXACT: u32 = 2;
export const READ_COVERED: u32 = 4;

export const ROLLING_MAX: u32 = 8;
export const LAGS_MAX: u32 = 8;
export const WINDOW_ROWS_MAX: u32 = 50000;

export function root(): Root {
  return changetype<Root>(0);
}

export function slotAt(slot: u32): Slot {
  return changetype<Slot>(SLOTS_BASE + slot * SLOT_BYTES);
}

export function regionAt(region: u32): u32 {
  return REGION_BASE + region * REGION_BYTES;
}
