import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import { KeyHash, encodeText } from "../shard/key-hash.ts";
import { Amend, Op, RowFlag } from "../shard/layout.ts";
import { emptyRow } from "../shard/region.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { RowsOwner } from "../shard/shard.ts";
import { rowOf } from "./fallback.ts";
import type { Pending } from "./pending.ts";

const hash = new KeyHash();
const text = new Uint8Array(limits.keyBytesMax + limits.idBytesMax);
const values = new Float64Array(Amend.length);
const fields = emptyRow();

/** Nobody waits for an amendment. */
const nobody: RowsOwner = {
  span: undefined,
  done: () => undefined,
  lost: () => undefined,
};

/**
 * Tells the shards which verdict the clients of these rows got from the fallback, so that a later duplicate gets the same. An
 * amendment goes the way of a row, behind the row that it amends; it is dropped when its shard's region is full, and then a
 * duplicate gets the model's verdict.
 */
export function amend(
  shards: ShardSet,
  pending: Pending,
  rows: readonly number[],
  clock: Clock,
): void {
  const { runtime, request } = pending.options;
  const { detector } = runtime;
  fields.slot = detector.slot;
  fields.op = Op.AMEND;
  fields.flags = RowFlag.HAS_ID;
  fields.arrivalMs = clock.unixMs();
  fields.sequence = runtime.sequence;
  for (const row of rows) {
    const { key, id } = rowOf(request, row);
    const keyLength = encodeText(key, text, 0, limits.keyBytesMax);
    const idLength = encodeText(id, text, keyLength, limits.idBytesMax);
    hash.of(text, 0, keyLength);
    const shard = shards.shardOf(hash.lo);
    const { gathering } = shard;
    if (!gathering.fits(1, Amend.length, keyLength + idLength)) continue;
    packVerdict(pending, row);
    fields.requestRow = row;
    fields.keyOffset = gathering.putBytes(text, 0, keyLength);
    fields.keyLength = keyLength;
    fields.idOffset = gathering.putBytes(text, keyLength, idLength);
    fields.idLength = idLength;
    fields.hashLo = hash.lo;
    fields.hashHi = hash.hi;
    fields.valuesOffset = gathering.putValues(values, 0, Amend.length, 0);
    const first = gathering.putRow(fields);
    const segment = { owner: nobody, first, count: 1, admittedAt: clock.now() };
    shard.add(segment, detector.config.batchWaitMs, 1);
  }
  shards.wake();
}

function packVerdict({ verdicts }: Pending, row: number): void {
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
}
