import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import { emptyKeyHash, KeyHash, encodeText } from "../shard/key-hash.ts";
import { Amend, Op, RowFlag } from "../shard/layout.ts";
import type { Verdicts } from "../domain/verdict.ts";
import { emptyRow } from "../shard/region.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { RowsOwner } from "../shard/shard.ts";
import { rowOf } from "./fallback.ts";
import { putScopedId, scopedIdBytes } from "./one-cell.ts";
import type { Pending } from "./pending.ts";
import type { DetectorRuntime } from "./runtime.ts";

const hash = new KeyHash();
const text = new Uint8Array(limits.keyBytesMax + limits.idBytesMax);
const values = new Float64Array(Amend.length);
const fields = emptyRow();

/** The verdict that a client got for an id from the fallback. */
export interface FirstVerdict {
  readonly verdicts: Verdicts;
  readonly row: number;
}

/** Names an id of a key: different pairs have different names. */
export function idName(key: string, id: string): string {
  return `${key.length} ${key}${id}`;
}

/** Repeats a verdict for a duplicate that the shard does not yet know as one of a fallback. */
export function repeatVerdict({ verdicts, row }: FirstVerdict, into: Verdicts, at: number): void {
  into.scores[at] = verdicts.scores[row] ?? Number.NaN;
  into.rawScores[at] = verdicts.rawScores[row] ?? 0;
  into.thresholds[at] = verdicts.thresholds[row] ?? 1;
  into.modelVersions[at] = verdicts.modelVersions[row] ?? 0;
  into.rules[at] = verdicts.rules[row] ?? -1;
  into.anomalies[at] = verdicts.anomalies[row] ?? 0;
  into.sources[at] = verdicts.sources[row] ?? 0;
  into.states[at] = verdicts.states[row] ?? 0;
  into.systemActions[at] = verdicts.systemActions[row] ?? 0;
  into.replayed[at] = 1;
}

/** Until the amendment has reached its shard, duplicates that were placed before it are answered from `amending`. */
class Amendment implements RowsOwner {
  readonly span = undefined;
  private readonly runtime: DetectorRuntime;
  private readonly name: string;

  constructor(runtime: DetectorRuntime, name: string) {
    this.runtime = runtime;
    this.name = name;
  }

  done(): void {
    this.runtime.amending.delete(this.name);
  }

  lost(): void {
    this.done();
  }
}

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
    const place = runtime.oneCell ? emptyKeyHash : hash;
    const shard = shards.shardOf(runtime.oneShard ? emptyKeyHash.lo : hash.lo);
    const { gathering } = shard;
    if (!gathering.fits(1, Amend.length, scopedIdBytes(keyLength, idLength))) {
      runtime.amending.delete(idName(key, id));
      continue;
    }
    packVerdict(pending, row);
    fields.requestRow = row;
    if (runtime.oneCell) {
      const part = { text, start: keyLength, length: idLength };
      fields.keyOffset = 0;
      fields.keyLength = 0;
      fields.idOffset = putScopedId(gathering, { text, start: 0, length: keyLength }, part);
      fields.idLength = scopedIdBytes(keyLength, idLength);
    } else {
      fields.keyOffset = gathering.putBytes(text, 0, keyLength);
      fields.keyLength = keyLength;
      fields.idOffset = gathering.putBytes(text, keyLength, idLength);
      fields.idLength = idLength;
    }
    fields.hashLo = place.lo;
    fields.hashHi = place.hi;
    fields.clientLo = hash.lo;
    fields.clientHi = hash.hi;
    fields.valuesOffset = gathering.putValues(values, 0, Amend.length, 0);
    fields.values = Amend.length;
    const first = gathering.putRow(fields);
    const owner = new Amendment(runtime, idName(key, id));
    const segment = { owner, first, count: 1, admittedAt: clock.now() };
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
