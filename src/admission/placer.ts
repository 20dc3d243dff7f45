import { Code, WeirError } from "../domain/errors.ts";
import { Mode } from "../domain/event.ts";
import type { ScoreRequest } from "../domain/event.ts";
import { Op, PARTITIONS, RowFlag, explainValues, VALUES_MAX } from "../shard/layout.ts";
import { emptyKeyHash } from "../shard/key-hash.ts";
import { emptyRow } from "../shard/region.ts";
import type { Region } from "../shard/region.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { RowsOwner, Shard } from "../shard/shard.ts";
import { rowOf } from "./fallback.ts";
import type { LedgerKey } from "./key-ledger.ts";
import { putScopedId, scopedIdBytes } from "./one-cell.ts";
import type { DetectorRuntime } from "./runtime.ts";
import type { Staged } from "./staged.ts";

const OPS = {
  [Mode.SCORE_AND_LEARN]: Op.SCORE_AND_LEARN,
  [Mode.SCORE_ONLY]: Op.SCORE_ONLY,
  [Mode.LEARN_ONLY]: Op.LEARN_ONLY,
  [Mode.HEARTBEAT]: Op.HEARTBEAT,
} as const;

const UNUSED = -2;
const USED = -1;

/** Whose rows are placed. */
export interface PlacedRows extends RowsOwner {
  readonly options: {
    readonly runtime: DetectorRuntime;
    readonly mode: Mode;
    /** Whether they are a shadow's. */
    readonly shadows?: boolean | undefined;
    /** Where two have the rows: whether the client gets this one's verdict of a row. */
    readonly answers?: ((row: number) => boolean) | undefined;
  };
  /** Rows [first, first + count) of the shard's gathering region are its own. */
  placed(shard: Shard, first: number, count: number): void;
}

/** One request's share of one shard. */
interface Share {
  rows: number;
  bytes: number;
  /** Position of its first row in the batch. */
  first: number;
}

/** Puts staged rows into the gathering regions of the shards that own their keys. */
export class Placer {
  private readonly shares: Share[];
  /** By key of the request: offset of its bytes in its shard's region, or UNUSED, or USED by a row but not there yet. */
  private keyOffset = new Int32Array(64);
  private valuesPerRow = 0;
  private explain = false;
  /** By key of the request: index of its shard. */
  private keyShard = new Uint8Array(64);
  private readonly fields = emptyRow();
  private readonly shards: Pick<ShardSet, "shards" | "indexOf">;
  private readonly staged: Staged;

  constructor(shards: Pick<ShardSet, "shards" | "indexOf">, staged: Staged) {
    this.shards = shards;
    this.staged = staged;
    this.shares = shards.shards.map(() => ({ rows: 0, bytes: 0, first: 0 }));
  }

  /** Checks that all of the request's rows find room; throws RESOURCE_EXHAUSTED, and then nothing has changed. */
  reserve(runtime: DetectorRuntime, mode: Mode, request: ScoreRequest, arrivalMs: number): void {
    const { staged, shares } = this;
    this.explain = request.explain && mode !== Mode.LEARN_ONLY && mode !== Mode.HEARTBEAT;
    this.valuesPerRow = mode === Mode.HEARTBEAT ? 0 : valuesOf(runtime, this.explain);
    if (staged.rows * this.valuesPerRow > VALUES_MAX) throw this.tooManyValues(runtime, request);
    for (const share of shares) {
      share.rows = mode === Mode.HEARTBEAT ? staged.rows : 0;
      share.bytes = 0;
    }
    if (runtime.oneCell) this.shareOne();
    else if (mode !== Mode.HEARTBEAT) this.shareOut(runtime);
    for (const shard of this.shards.shards) {
      const share = shares[shard.index];
      if (share === undefined || share.rows === 0) continue;
      if (!shard.gathering.fits(share.rows, share.rows * this.valuesPerRow, share.bytes)) {
        throw new WeirError(
          Code.RESOURCE_EXHAUSTED,
          "QUEUE_FULL",
          `shard ${shard.index} has ${shard.gathering.rows} rows waiting, its limit; the server is overloaded`,
          { retryAfterMs: runtime.detector.config.batchWaitMs },
        );
      }
      share.first = shard.gathering.rows;
    }
    if (runtime.ledger !== undefined && mode !== Mode.SCORE_ONLY && mode !== Mode.HEARTBEAT) {
      this.reserveKeys(runtime, request, arrivalMs);
    }
  }

  /** Writes the reserved rows and hands them to their shards. */
  place(pending: PlacedRows, mode: Mode, arrivalMs: number, now: number): void {
    const { staged, fields } = this;
    const { runtime } = pending.options;
    const { detector } = runtime;
    if (mode === Mode.HEARTBEAT) {
      this.placeHeartbeats(pending, arrivalMs, now);
      return;
    }
    const sources = runtime.sources.length;
    const learns = mode !== Mode.SCORE_ONLY;
    const reserve = this.valuesPerRow - sources;
    const flags = flagsOf(pending, this.explain);
    fields.values = sources;
    fields.room = reserve;
    fields.slot = detector.slot;
    fields.op = OPS[mode];
    fields.arrivalMs = arrivalMs;
    fields.keyOffset = 0;
    fields.keyLength = 0;
    fields.hashLo = emptyKeyHash.lo;
    fields.hashHi = emptyKeyHash.hi;
    for (let row = 0; row < staged.rows; row++) {
      const key = staged.keyOf[row] ?? 0;
      const region = this.regionOf(key);
      const idLength = staged.idLength[row] ?? 0;
      const time = staged.times[row] ?? 0;
      if (idLength > 0) {
        fields.idOffset = this.putId(runtime, region, row);
        if (learns) runtime.sequence++;
      }
      fields.flags = (staged.flags[row] ?? 0) | flags | sharedFlag(pending, row);
      fields.requestRow = row;
      fields.clientLo = staged.keyLo[key] ?? 0;
      fields.clientHi = staged.keyHi[key] ?? 0;
      if (runtime.oneCell) {
        fields.idLength = idLength > 0 ? scopedIdBytes(staged.keyLength[key] ?? 0, idLength) : 0;
      } else {
        fields.keyOffset = this.keyBytes(region, key);
        fields.keyLength = staged.keyLength[key] ?? 0;
        fields.idLength = idLength;
        fields.hashLo = fields.clientLo;
        fields.hashHi = fields.clientHi;
      }
      fields.eventTimeMs = time === 0 ? arrivalMs : time;
      fields.sequence = runtime.sequence;
      fields.valuesOffset = region.putValues(staged.values, row * sources, sources, reserve);
      region.putRow(fields);
    }
    for (const shard of this.shards.shards) {
      const share = this.shares[shard.index];
      if (share === undefined || share.rows === 0) continue;
      this.hand(shard, pending, share, now);
    }
  }

  /** Every shard gets them all, in order with the rows around them: a watermark holds for keys wherever they are. */
  private placeHeartbeats(pending: PlacedRows, arrivalMs: number, now: number): void {
    const { staged } = this;
    const fields = emptyRow();
    fields.slot = pending.options.runtime.detector.slot;
    fields.op = Op.HEARTBEAT;
    fields.flags = flagsOf(pending, false);
    fields.arrivalMs = arrivalMs;
    fields.hashLo = emptyKeyHash.lo;
    fields.hashHi = emptyKeyHash.hi;
    for (const shard of this.shards.shards) {
      for (let row = 0; row < staged.rows; row++) {
        fields.requestRow = row;
        fields.eventTimeMs = staged.times[row] ?? 0;
        shard.gathering.putRow(fields);
      }
      const share = this.shares[shard.index];
      if (share !== undefined) this.hand(shard, pending, share, now);
    }
  }

  private makeRoomForKeys(): void {
    const { keys } = this.staged;
    if (this.keyOffset.length >= keys) return;
    this.keyOffset = new Int32Array(keys * 2);
    this.keyShard = new Uint8Array(keys * 2);
  }

  /** Counts each shard's share of the staged rows and notes the shard of every key. */
  private shareOut({ oneShard }: DetectorRuntime): void {
    const { staged, shares, shards } = this;
    this.makeRoomForKeys();
    this.keyOffset.fill(UNUSED, 0, staged.keys);
    for (let row = 0; row < staged.rows; row++) {
      const key = staged.keyOf[row] ?? 0;
      const fresh = this.keyOffset[key] === UNUSED;
      if (fresh) {
        this.keyOffset[key] = USED;
        const placedBy = oneShard ? emptyKeyHash.lo : (staged.keyLo[key] ?? 0);
        this.keyShard[key] = shards.indexOf(placedBy);
      }
      const share = shares[this.keyShard[key] ?? 0];
      if (share === undefined) continue;
      share.rows++;
      share.bytes += (staged.idLength[row] ?? 0) + (fresh ? (staged.keyLength[key] ?? 0) : 0);
    }
  }

  /** All rows go to the shard of the one cell. */
  private shareOne(): void {
    const { staged, shares, shards } = this;
    this.makeRoomForKeys();
    const shard = shards.indexOf(emptyKeyHash.lo);
    this.keyShard.fill(shard, 0, staged.keys);
    const share = shares[shard];
    if (share === undefined) return;
    share.rows = staged.rows;
    for (let row = 0; row < staged.rows; row++) {
      const idLength = staged.idLength[row] ?? 0;
      const keyLength = staged.keyLength[staged.keyOf[row] ?? 0] ?? 0;
      if (idLength > 0) share.bytes += scopedIdBytes(keyLength, idLength);
    }
  }

  private putId(runtime: DetectorRuntime, region: Region, row: number): number {
    const { text, idStart, idLength, keyOf, keyStart, keyLength } = this.staged;
    const id = { text, start: idStart[row] ?? 0, length: idLength[row] ?? 0 };
    if (!runtime.oneCell) return region.putBytes(text, id.start, id.length);
    const key = keyOf[row] ?? 0;
    return putScopedId(
      region,
      { text, start: keyStart[key] ?? 0, length: keyLength[key] ?? 0 },
      id,
    );
  }

  private regionOf(key: number): Region {
    const shard = this.shards.shards[this.keyShard[key] ?? 0];
    if (shard === undefined) throw new Error("no shards");
    return shard.gathering;
  }

  private hand(shard: Shard, pending: PlacedRows, share: Share, now: number): void {
    const { runtime, mode } = pending.options;
    const rowWork = this.explain ? runtime.explainedRowWork : runtime.rowWork;
    const lookWork = mode === Mode.SCORE_ONLY ? runtime.lookWork : 0;
    pending.placed(shard, share.first, share.rows);
    shard.add(
      { owner: pending, first: share.first, count: share.rows, admittedAt: now },
      runtime.detector.config.batchWaitMs,
      (rowWork + lookWork) * share.rows,
    );
  }

  private keyBytes(region: Region, key: number): number {
    const known = this.keyOffset[key] ?? -1;
    if (known >= 0) return known;
    const { staged } = this;
    const offset = region.putBytes(
      staged.text,
      staged.keyStart[key] ?? 0,
      staged.keyLength[key] ?? 0,
    );
    this.keyOffset[key] = offset;
    return offset;
  }

  /** As the step decides it: a row that learns nothing makes no key, nor one of which the model has no input and no feature. */
  private makesKey({ detector, modelFirst, sources }: DetectorRuntime, row: number): boolean {
    const { flags, values } = this.staged;
    const rowFlags = flags[row] ?? 0;
    if ((rowFlags & RowFlag.SYSTEM_ACTION) !== 0 && !detector.config.learnSystemActions) {
      return false;
    }
    if (detector.program !== undefined || (rowFlags & RowFlag.HAS_MISSING) === 0) return true;
    const from = row * sources.length;
    return !values.subarray(from + modelFirst, from + sources.length).every(Number.isNaN);
  }

  /** Explained rows carry their contributions, and others their features: of wide ones fewer fit into a region. */
  private tooManyValues({ columns }: DetectorRuntime, { frame }: ScoreRequest): WeirError {
    const rowsMax = Math.floor(VALUES_MAX / this.valuesPerRow);
    const rows = frame === undefined ? "events" : "frame.rows";
    const field = this.explain ? "explain" : rows;
    const what = this.explain ? "can be explained" : "fit";
    return new WeirError(
      Code.RESOURCE_EXHAUSTED,
      "TOO_MANY_ROWS",
      `${field}: at most ${rowsMax} rows of ${columns} features ${what} in one request; send more requests`,
      { violations: [{ field, message: `expected at most ${rowsMax} rows` }] },
    );
  }

  private reserveKeys(runtime: DetectorRuntime, request: ScoreRequest, arrivalMs: number): void {
    const { staged } = this;
    const keys: LedgerKey[] = [];
    for (let row = 0; row < staged.rows; row++) {
      const { key } = rowOf(request, row);
      const lo = staged.keyLo[staged.keyOf[row] ?? 0] ?? 0;
      keys.push({ key, partition: lo & (PARTITIONS - 1), makes: this.makesKey(runtime, row) });
    }
    const refused = runtime.ledger?.admit(keys, arrivalMs);
    if (refused === undefined) return;
    const { keysMax } = runtime.detector.config;
    throw new WeirError(
      Code.RESOURCE_EXHAUSTED,
      "KEYS_FULL",
      `a new key does not fit: the detector keeps keys_max = ${keysMax} keys (${Math.ceil(keysMax / PARTITIONS)} in each of ${PARTITIONS} partitions) and refuses more`,
    );
  }
}

/** That all rows of a request have. */
function flagsOf({ options }: PlacedRows, explain: boolean): number {
  return (explain ? RowFlag.EXPLAIN : 0) | (options.shadows === true ? RowFlag.SHADOW : 0);
}

/** Kept with the row: nothing else says later which of two the client got. */
function sharedFlag({ options: { answers, shadows } }: PlacedRows, row: number): number {
  if (answers === undefined) return 0;
  return answers(row) === (shadows === true) ? RowFlag.SHARED : 0;
}

/** float64s of a row in a region: its sources, the features of a detector that has any, and what an explanation is written to. */
function valuesOf({ sources, derived, columns }: DetectorRuntime, explain: boolean): number {
  const plain = sources.length + derived;
  return explain ? plain + explainValues(columns) - columns : plain;
}
