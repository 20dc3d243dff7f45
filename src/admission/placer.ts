import { Code, WeirError } from "../domain/errors.ts";
import type { Clock } from "../domain/clock.ts";
import { Mode } from "../domain/event.ts";
import type { ScoreRequest } from "../domain/event.ts";
import { limits } from "../config/limits.ts";
import { KeyHash, encodeText } from "../shard/key-hash.ts";
import { Amend, Op, PARTITIONS, RowFlag, explainValues, VALUES_MAX } from "../shard/layout.ts";
import type { Region } from "../shard/region.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { RowsOwner, Shard } from "../shard/shard.ts";
import { rowOf } from "./fallback.ts";
import type { LedgerKey } from "./key-ledger.ts";
import type { Pending } from "./pending.ts";
import type { DetectorRuntime } from "./runtime.ts";
import type { Staged } from "./staged.ts";

const OPS = {
  [Mode.SCORE_AND_LEARN]: Op.SCORE_AND_LEARN,
  [Mode.SCORE_ONLY]: Op.SCORE_ONLY,
  [Mode.LEARN_ONLY]: Op.LEARN_ONLY,
} as const;

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
  /** By key of the request: offset of its bytes in its shard's region; -1 = not there yet. */
  private keyOffset = new Int32Array(64);
  private valuesPerRow = 0;
  private explain = false;
  private readonly header = {
    slot: 0,
    op: 0,
    flags: 0,
    requestRow: 0,
    arrivalMs: 0,
    eventTimeMs: 0,
    sequence: 0,
  };

  private readonly shards: ShardSet;
  private readonly staged: Staged;

  constructor(shards: ShardSet, staged: Staged) {
    this.shards = shards;
    this.staged = staged;
    this.shares = shards.shards.map(() => ({ rows: 0, bytes: 0, first: 0 }));
  }

  /** Checks that all of the request's rows find room; throws RESOURCE_EXHAUSTED, and then nothing has changed. */
  reserve(runtime: DetectorRuntime, mode: Mode, request: ScoreRequest, arrivalMs: number): void {
    const { staged, shares } = this;
    const features = runtime.detector.features.length;
    this.explain = request.explain && mode !== Mode.LEARN_ONLY;
    this.valuesPerRow = this.explain ? explainValues(features) : features;
    if (staged.rows * this.valuesPerRow > VALUES_MAX) throw tooManyExplained(features);
    for (const share of shares) {
      share.rows = 0;
      share.bytes = 0;
    }
    if (this.keyOffset.length < staged.keys) this.keyOffset = new Int32Array(staged.keys * 2);
    this.keyOffset.fill(-1, 0, staged.keys);
    for (let row = 0; row < staged.rows; row++) {
      const key = staged.keyOf[row] ?? 0;
      const share = shares[this.shards.indexOf(staged.keyLo[key] ?? 0)];
      if (share === undefined) continue;
      share.rows++;
      share.bytes += staged.idLength[row] ?? 0;
      if (this.keyOffset[key] === -1) {
        this.keyOffset[key] = -2;
        share.bytes += staged.keyLength[key] ?? 0;
      }
    }
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
    if (runtime.ledger !== undefined && mode !== Mode.SCORE_ONLY) {
      this.reserveKeys(runtime, request, arrivalMs);
    }
  }

  /** Writes the reserved rows and hands them to their shards. */
  place(pending: Pending, mode: Mode, arrivalMs: number, now: number): void {
    const { staged, header } = this;
    const { runtime } = pending.options;
    const { detector } = runtime;
    const features = detector.features.length;
    const op = OPS[mode];
    const learns = mode !== Mode.SCORE_ONLY;
    const reserve = this.valuesPerRow - features;
    header.slot = detector.slot;
    header.op = op;
    header.arrivalMs = arrivalMs;
    for (let row = 0; row < staged.rows; row++) {
      const key = staged.keyOf[row] ?? 0;
      const hash = { lo: staged.keyLo[key] ?? 0, hi: staged.keyHi[key] ?? 0 };
      const { gathering } = this.shards.shardOf(hash.lo);
      const idLength = staged.idLength[row] ?? 0;
      const time = staged.times[row] ?? 0;
      header.flags = (staged.flags[row] ?? 0) | (this.explain ? RowFlag.EXPLAIN : 0);
      header.requestRow = row;
      header.eventTimeMs = time === 0 ? arrivalMs : time;
      header.sequence = idLength > 0 && learns ? ++runtime.sequence : runtime.sequence;
      gathering.putRow(
        header,
        hash,
        { offset: this.keyBytes(gathering, key), length: staged.keyLength[key] ?? 0 },
        {
          offset:
            idLength === 0
              ? 0
              : gathering.putBytes(staged.text, staged.idStart[row] ?? 0, idLength),
          length: idLength,
        },
        gathering.putValues(staged.values, row * features, features, reserve),
      );
    }
    for (const shard of this.shards.shards) {
      const share = this.shares[shard.index];
      if (share === undefined || share.rows === 0) continue;
      this.hand(shard, pending, share, now);
    }
  }

  /** Tells the shards which verdict the clients of these rows got; dropped when a shard has no room for it. */
  amend(pending: Pending, rows: readonly number[], clock: Clock): void {
    const { runtime, request } = pending.options;
    const { verdicts } = pending;
    const { detector } = runtime;
    const hash = new KeyHash();
    const text = new Uint8Array(limits.keyBytesMax + limits.idBytesMax);
    const values = new Float64Array(Amend.length);
    for (const row of rows) {
      const { key, id } = rowOf(request, row);
      const keyLength = encodeText(key, text, 0, limits.keyBytesMax);
      const idLength = encodeText(id, text, keyLength, limits.idBytesMax);
      hash.of(text, 0, keyLength);
      const shard = this.shards.shardOf(hash.lo);
      const { gathering } = shard;
      if (!gathering.fits(1, Amend.length, keyLength + idLength)) continue;
      values[Amend.score] = verdicts.scores[row] ?? Number.NaN;
      values[Amend.raw] = verdicts.rawScores[row] ?? 0;
      values[Amend.threshold] = verdicts.thresholds[row] ?? 1;
      values[Amend.packed] =
        (verdicts.states[row] ?? 0) |
        ((verdicts.anomalies[row] ?? 0) << 8) |
        ((verdicts.sources[row] ?? 0) << 16) |
        ((verdicts.systemActions[row] ?? 0) << 24);
      values[Amend.rule] = verdicts.rules[row] ?? -1;
      values[Amend.modelVersion] = verdicts.modelVersions[row] ?? 0;
      const first = gathering.putRow(
        {
          slot: detector.slot,
          op: Op.AMEND,
          flags: RowFlag.HAS_ID,
          requestRow: row,
          arrivalMs: clock.unixMs(),
          eventTimeMs: 0,
          sequence: runtime.sequence,
        },
        hash,
        { offset: gathering.putBytes(text, 0, keyLength), length: keyLength },
        { offset: gathering.putBytes(text, keyLength, idLength), length: idLength },
        gathering.putValues(values, 0, Amend.length, 0),
      );
      shard.add(
        { owner: nobody, first, count: 1, admittedAt: clock.now() },
        detector.config.batchWaitMs,
        1,
      );
    }
    this.shards.wake();
  }

  private hand(shard: Shard, pending: Pending, share: Share, now: number): void {
    const { runtime } = pending.options;
    pending.placed(shard, share.first, share.rows);
    shard.add(
      { owner: pending, first: share.first, count: share.rows, admittedAt: now },
      runtime.detector.config.batchWaitMs,
      runtime.rowWork * share.rows,
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

  private reserveKeys(runtime: DetectorRuntime, request: ScoreRequest, arrivalMs: number): void {
    const { staged } = this;
    const keys: LedgerKey[] = [];
    for (let row = 0; row < staged.rows; row++) {
      const { key } = rowOf(request, row);
      const lo = staged.keyLo[staged.keyOf[row] ?? 0] ?? 0;
      keys.push({ key, partition: lo % PARTITIONS });
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

/** Explained rows carry their contributions, so fewer of them fit into a region. */
function tooManyExplained(features: number): WeirError {
  const rowsMax = Math.floor(VALUES_MAX / explainValues(features));
  return new WeirError(
    Code.RESOURCE_EXHAUSTED,
    "TOO_MANY_ROWS",
    `explain: at most ${rowsMax} rows of ${features} features can be explained in one request; send more requests`,
    { violations: [{ field: "explain", message: `expected at most ${rowsMax} rows` }] },
  );
}

/** Nobody waits for an amendment. */
const nobody: RowsOwner = {
  span: undefined,
  done: () => undefined,
  lost: () => undefined,
};
