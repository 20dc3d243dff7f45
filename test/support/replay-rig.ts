import { applyChange } from "../../src/shard/apply-change.ts";
import type { Change, Position } from "../../src/shard/journal.ts";
import {
  BLOCK_HEADER,
  OUTPUT_BYTES,
  Op,
  Region as Offset,
  Root,
  RowFlag,
  Status,
  Ticket,
  explainValues,
  regionBase,
} from "../../src/shard/layout.ts";
import { createMemory, instantiate } from "../../src/shard/module.ts";
import type { ShardExports } from "../../src/shard/module.ts";
import {
  packedBytesMax,
  packRows,
  packVerdicts,
  verdictBytes,
} from "../../src/shard/packed-rows.ts";
import { Region, emptyRow } from "../../src/shard/region.ts";
import type { Views } from "../../src/shard/region.ts";
import { viewsOf } from "../../src/shard/shard.ts";
import { encodeChange, Kind } from "../../src/state/journal/entry.ts";
import type { Entry } from "../../src/state/journal/entry.ts";
import { controlBlock, hashOf, mulberry, normal } from "../kernel.ts";
import type { DetectorOptions } from "../kernel.ts";
import { train } from "../window-rig.ts";
import { someProgram } from "./feature-blocks.ts";

export const replayShardBytes = 32 << 20;

const small = { trees: 4, height: 4, window: 4, burnIn: 2, idsMax: 40 };

/** A detector of each way that rows take through a step, by slot; each has three values a row. */
export const replayDetectors: readonly DetectorOptions[] = [
  { ...small, features: 3, keysPerPartition: 2 },
  { ...small, ...someProgram({ sources: 3, modelFirst: 1 }), keysPerPartition: 2 },
  {
    features: 3,
    threshold: 0.5,
    burnIn: 0,
    keysPerPartition: 4,
    windowModel: { kind: "ecod", windowRows: 20, minSamples: 10, retrainInterval: 7, lags: [1] },
  },
  { ...small, features: 3, trees: 2, refuse: true, keyTtlMs: 50_000, keysPerPartition: 2 },
];

/** float64s that the step writes behind a row's values. */
const derivedOf = (slot: number): number => (slot === 1 ? 5 : 0);
const modelColumns = [3, 6, 6, 3];

/** One row of a test, whatever becomes of it. */
export interface ReplayRow {
  readonly slot: number;
  readonly op: number;
  readonly key: string;
  readonly id: string;
  readonly values: readonly number[];
  readonly explain: boolean;
  readonly systemAction: boolean;
  /** Of the event, after the arrival. */
  readonly lateMs: number;
  readonly cancelled: boolean;
}

/** A shard as a server drives it: rows go into one region by turns with the other, are packed, stepped, and read. */
export class LiveShard {
  readonly memory: WebAssembly.Memory;
  readonly kernel: ShardExports;
  readonly views: Views;
  readonly entries: Entry[] = [];
  /** Detectors that were copied whole. */
  copies = 0;
  private readonly regions: readonly [Region, Region];
  private turn = 0;
  private sequence = 0;
  private arrivalMs = 1_700_000_000_000;
  private readonly encoder = new TextEncoder();

  constructor(module: WebAssembly.Module, bytes: number = replayShardBytes) {
    this.memory = createMemory(bytes);
    this.kernel = instantiate(module, this.memory);
    this.views = viewsOf(this.memory);
    this.regions = [new Region(0, this.views), new Region(1, this.views)];
    if (this.kernel.initialize(bytes) !== Status.OK) throw new Error("no shard");
  }

  get position(): Position {
    return this.entries.length;
  }

  /** The region of the newest batch. */
  get stepped(): Region {
    return this.regions[this.turn === 0 ? 1 : 0];
  }

  createAll(): void {
    for (const [slot, options] of replayDetectors.entries()) this.create(slot, options);
  }

  create(slot: number, options: DetectorOptions): void {
    this.change({ kind: "create", slot, block: controlBlock(options), spec: "{}" });
  }

  change(change: Change): number {
    this.append(Kind.CHANGE, 0, encodeChange(change));
    return applyChange(this.kernel, this.views, change);
  }

  /** Gives `to` the state of `from`, part by part, as a change each; a detector that was there is deleted. */
  copyDetector(from: number, to: number): void {
    const options = replayDetectors[from];
    if (options === undefined) throw new Error(`no detector ${from}`);
    const parts: Uint8Array[] = [];
    for (let start = 1; ; start = 0) {
      const bytes = this.kernel.exportState(from, start) >>> 0;
      if (bytes === 0) break;
      const at = this.kernel.transferAddress() >>> 0;
      parts.push(this.views.u8.slice(at, at + bytes));
    }
    this.change({ kind: "delete", slot: to });
    this.create(to, options);
    for (const part of parts) {
      if (this.change({ kind: "import", slot: to, part }) === Status.OK) continue;
      this.change({ kind: "delete", slot: to });
      return;
    }
    this.copies++;
  }

  /** One batch; its VERDICTS follow it. */
  batch(rows: readonly ReplayRow[]): Uint8Array {
    const region = this.gather(rows);
    const packed = pack(region, this.views);
    const position = this.append(Kind.ROWS, rows.length, packed);
    this.stepRegion(region);
    this.append(Kind.VERDICTS, rows.length, this.verdicts(region, position));
    return packed;
  }

  /** Lays rows into the region whose turn it is, and seals it. */
  gather(rows: readonly ReplayRow[]): Region {
    const region = this.regions[this.turn === 0 ? 0 : 1];
    this.turn = 1 - this.turn;
    region.clear();
    for (const row of rows) this.put(region, row);
    region.seal();
    return region;
  }

  stepRegion(region: Region): void {
    const done = this.kernel.step(region.index);
    if (done !== region.rows) throw new Error(`step answered ${done}`);
  }

  /** Trains what is due, and swaps it in; `fails` drops it instead. */
  async train(path: string, fails: boolean): Promise<void> {
    while ((this.views.u32[Root.trainingsDue >>> 2] ?? 0) > 0) {
      const at = this.kernel.takeTraining() >>> 0;
      if (at === 0) return;
      const u32 = (field: number): number => this.views.u32[(at + field) >>> 2] ?? 0;
      const handle = this.views.f64[(at + Ticket.handle) >>> 3] ?? 0;
      const columns = u32(Ticket.columns);
      const first = u32(Ticket.rows) + BLOCK_HEADER;
      const copy = this.memory.buffer.slice(first, first + columns * u32(Ticket.count) * 8);
      this.append(Kind.CHANGE, 0, encodeChange({ kind: "take", handle }));
      this.kernel.releaseRows(handle);
      const model = await train(path, "ecod", { rows: new Float64Array(copy), columns });
      if (model === undefined || fails) this.change({ kind: "drop", handle, failed: true });
      else this.change({ kind: "swap", handle, model });
    }
  }

  append(kind: Kind, rows: number, body: Uint8Array): Position {
    const position = this.entries.length + 1;
    this.entries.push({ position, shard: 0, kind, unixMs: position, rows, body });
    return position;
  }

  private verdicts(region: Region, of: Position): Uint8Array {
    const buffer = new ArrayBuffer(8 + verdictBytes(region.rows));
    const into = viewsOver(buffer);
    into.f64[0] = of;
    packVerdicts(region, this.views, into, 8);
    return into.u8;
  }

  private put(region: Region, row: ReplayRow): void {
    const { slot, op } = row;
    this.arrivalMs += 1000;
    const key = this.encoder.encode(row.key);
    const id = this.encoder.encode(row.id);
    const [hashLo, hashHi] = hashOf(row.key);
    const values = valuesOf(row);
    const explain = row.explain && op < Op.AMEND && op !== Op.SKIP;
    const room = roomOf(row, explain);
    const at = region.putRow({
      ...emptyRow(),
      slot,
      op,
      flags: flagsOf(row, explain),
      requestRow: region.rows,
      keyOffset: region.putBytes(key, 0, key.length),
      keyLength: key.length,
      idOffset: region.putBytes(id, 0, id.length),
      idLength: id.length,
      hashLo,
      hashHi,
      clientLo: hashLo,
      clientHi: hashHi,
      arrivalMs: this.arrivalMs,
      eventTimeMs: this.arrivalMs - row.lateMs,
      valuesOffset: region.putValues(Float64Array.from(values), 0, values.length, room),
      values: values.length,
      room,
      sequence: row.id === "" ? this.sequence : ++this.sequence,
    });
    if (row.cancelled) region.skip(at);
  }
}

function valuesOf({ op, values }: ReplayRow): readonly number[] {
  if (op === Op.HEARTBEAT || op === Op.READ_FEATURES) return [];
  return op === Op.AMEND ? amendment : values;
}

function roomOf({ op, slot }: ReplayRow, explain: boolean): number {
  const derived = op === Op.AMEND || op === Op.HEARTBEAT ? 0 : derivedOf(slot);
  const columns = modelColumns[slot] ?? 0;
  const explained = explain ? explainValues(columns) - columns : 0;
  return (op === Op.READ_FEATURES ? 3 : 0) + derived + explained;
}

function flagsOf(row: ReplayRow, explain: boolean): number {
  return (
    (valuesOf(row).some(Number.isNaN) ? RowFlag.HAS_MISSING : 0) |
    (row.systemAction ? RowFlag.SYSTEM_ACTION : 0) |
    (explain ? RowFlag.EXPLAIN : 0) |
    (row.id === "" || row.op === Op.HEARTBEAT ? 0 : RowFlag.HAS_ID)
  );
}

const amendment = [0.5, 0.25, 0.75, 2 | (2 << 16), -1, 1];

/** Views over a plain buffer, of whole float64s. */
export function viewsOver(buffer: ArrayBuffer): Views {
  return {
    f64: new Float64Array(buffer),
    u32: new Uint32Array(buffer),
    u16: new Uint16Array(buffer),
    u8: new Uint8Array(buffer),
  };
}

/** Packed rows of a sealed region. */
export function pack(region: Region, views: Views): Uint8Array {
  const most = packedBytesMax(region);
  // Bytes that nobody wrote show.
  const into = viewsOver(new ArrayBuffer(((most + 7) & ~7) + 8));
  into.u8.fill(0xa5);
  const bytes = packRows(region, views, into, 8);
  if (bytes > most) throw new Error(`${bytes} bytes packed, at most ${most} were told`);
  return into.u8.slice(8, 8 + bytes);
}

/** Outputs of a region's rows, as bytes. */
export function outputsOf(region: Region, views: Views): Uint8Array {
  const at = regionBase(region.index) + Offset.outputs;
  return views.u8.slice(at, at + region.rows * OUTPUT_BYTES);
}

const ops = [
  Op.SCORE_AND_LEARN,
  Op.SCORE_AND_LEARN,
  Op.SCORE_AND_LEARN,
  Op.LEARN_ONLY,
  Op.SCORE_ONLY,
  Op.AMEND,
  Op.READ_FEATURES,
  Op.DERIVE,
  Op.HEARTBEAT,
  Op.SKIP,
];
const keys = ["", "k".repeat(1000), "a", "b", "c", "寿司", "e"];

/** Rows of a stream, the same for the same seed. `plain`: rows to be learned alone, without room. */
export function replayRows(count: number, seed: number, plain = false): ReplayRow[] {
  const random = mulberry(seed);
  return Array.from({ length: count }, () => aRow(random, plain));
}

function aRow(random: () => number, plain: boolean): ReplayRow {
  const pick = (n: number): number => Math.floor(random() * n);
  const slot = plain ? pick(2) * 2 : pick(replayDetectors.length);
  return {
    slot,
    op: plain ? Op.SCORE_AND_LEARN : opOf(pick(ops.length), slot),
    key: slot === 2 ? "" : (keys[pick(keys.length)] ?? ""),
    id: pick(3) === 0 ? `id ${pick(60)}` : "",
    values: [0, 1, 2].map(() => (pick(12) === 0 ? Number.NaN : normal(random))),
    explain: !plain && pick(6) === 0,
    systemAction: pick(9) === 0,
    lateMs: pick(4) === 0 ? pick(7_200_000) : 0,
    cancelled: !plain && pick(15) === 0,
  };
}

function opOf(index: number, slot: number): number {
  const op = ops[index] ?? Op.SKIP;
  return op === Op.DERIVE && slot !== 1 ? Op.SCORE_AND_LEARN : op;
}
