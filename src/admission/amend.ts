import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import { emptyKeyHash, KeyHash, encodeText } from "../shard/key-hash.ts";
import { Amend, Op, RowFlag } from "../shard/layout.ts";
import { emptyRow } from "../shard/region.ts";
import type { ShardSet } from "../shard/shard-set.ts";
import type { RowsOwner } from "../shard/shard.ts";
import { idName } from "./first-verdicts.ts";
import type { FirstVerdict, FirstVerdicts } from "./first-verdicts.ts";
import { putScopedId, scopedIdBytes } from "./one-cell.ts";
import type { DetectorRuntime } from "./runtime.ts";

const hash = new KeyHash();
const text = new Uint8Array(limits.keyBytesMax + limits.idBytesMax);
const values = new Float64Array(Amend.length);
const fields = emptyRow();

/** Until the amendment has reached its shard, duplicates that were placed before it are answered from `firsts`. */
class Amendment implements RowsOwner {
  readonly span = undefined;
  private readonly firsts: FirstVerdicts;
  private readonly name: string;

  constructor(firsts: FirstVerdicts, name: string) {
    this.firsts = firsts;
    this.name = name;
  }

  done(): void {
    this.firsts.delete(this.name);
  }

  lost(): void {
    this.done();
  }
}

/**
 * Tells the shards which verdict the clients of rows got from the fallback, so that a later duplicate gets the same. An
 * amendment goes the way of a row, behind the row that it amends; it is dropped when its shard's region is full, and then a
 * duplicate gets the model's verdict.
 */
export function amend(
  shards: ShardSet,
  runtime: DetectorRuntime,
  amended: readonly FirstVerdict[],
  clock: Clock,
): void {
  const { detector, firstVerdicts } = runtime;
  fields.slot = detector.slot;
  fields.op = Op.AMEND;
  fields.flags = RowFlag.HAS_ID;
  fields.arrivalMs = clock.unixMs();
  fields.sequence = runtime.sequence;
  for (const verdict of amended) {
    const { key, id, row } = verdict;
    const keyLength = encodeText(key, text, 0, limits.keyBytesMax);
    const idLength = encodeText(id, text, keyLength, limits.idBytesMax);
    hash.of(text, 0, keyLength);
    const place = runtime.oneCell ? emptyKeyHash : hash;
    const shard = shards.shardOf(runtime.oneShard ? emptyKeyHash.lo : hash.lo);
    const { gathering } = shard;
    if (!gathering.fits(1, Amend.length, scopedIdBytes(keyLength, idLength))) {
      firstVerdicts.delete(idName(key, id));
      continue;
    }
    packVerdict(verdict);
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
    const owner = new Amendment(firstVerdicts, idName(key, id));
    const segment = { owner, first, count: 1, admittedAt: clock.now() };
    shard.add(segment, detector.config.batchWaitMs, 1);
  }
  shards.wake();
}

function packVerdict({ verdicts, row }: FirstVerdict): void {
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
