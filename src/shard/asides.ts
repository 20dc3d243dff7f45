import type { Clock } from "../domain/clock.ts";
import type { ShardJournal } from "./journal.ts";
import type { Mender } from "./mender.ts";
import { unpackRows } from "./packed-rows.ts";
import type { JobResult } from "./protocol.ts";
import type { ShardSetOptions } from "./shard-set-options.ts";
import type { AsideBatch, Batch, Shard } from "./shard.ts";

export interface AsideOptions {
  readonly journal: ShardJournal;
  readonly mender: Pick<Mender, "mend">;
  /** Steps a batch on this thread or another; undefined = that thread died. */
  readonly step: (shard: Shard, batch: Batch, work: number) => Promise<JobResult | undefined>;
  readonly clock: Pick<Clock, "now">;
  readonly log: Pick<ShardSetOptions["log"], "error">;
  /** Why a step did not work off its region; undefined = it did. */
  readonly failureOf: (result: JobResult | undefined) => string | undefined;
}

/** Steps rows that nobody waits for, in the region in which nothing gathers. The shard is busy until it resolves; what goes wrong is logged. */
export async function stepAside(
  shard: Shard,
  aside: AsideBatch,
  options: AsideOptions,
): Promise<void> {
  const { clock, log } = options;
  const startedAt = clock.now();
  try {
    await stepIn(shard, aside, options);
  } catch (error) {
    log.error({ err: error, shard: shard.index }, "rows aside were not stepped");
  }
  const now = clock.now();
  shard.owedFrom = now + Math.max(OWED_MS_MIN, now - startedAt) * (OWED_PART - 1);
}

async function stepIn(
  shard: Shard,
  aside: AsideBatch,
  { journal, mender, step, failureOf }: AsideOptions,
): Promise<void> {
  const region = shard.borrow();
  try {
    region.rows = unpackRows(aside.packed, shard.views, region.index);
    if (journal.failed || region.rows < 0) {
      aside.lost();
      return;
    }
    const position = journal.appendPacked(shard.index, aside.packed);
    shard.position = position;
    shard.applying = position;
    const batch = { region, rows: region.rows, segments: [], position };
    let result = await step(shard, batch, aside.work);
    const why = failureOf(result);
    if (why !== undefined) result = await mender.mend(shard, batch, why);
    if (result === undefined) {
      aside.lost();
      return;
    }
    if (position > 0) journal.appendVerdicts(shard.index, position, region);
    region.rowUs = rowUs(result, region.rows);
    aside.done(region, region.rows);
  } finally {
    shard.giveBack();
  }
}

/** Of a shard's time that asides have which are owed, while live rows wait: one in so many parts. */
const OWED_PART = 20;
/** Shorter ones count as this, ms; and how long it is not looked again where none is owed. */
const OWED_MS_MIN = 0.05;
const LOOK_MS = 1;

/**
 * Takes the one whose turn it is before what gathers: the first that is owed, or what is before it in its queue. Without it a version would never be
 * ready under a load that never ends.
 */
export function takeOwed(shard: Shard, now: number): AsideBatch | undefined {
  const { asides, controls } = shard;
  if (asides.length === 0 || controls.length > 0 || now < shard.owedFrom) return undefined;
  const owed = asides.find(({ isOwed }) => isOwed);
  if (owed === undefined) {
    shard.owedFrom = now + LOOK_MS;
    return undefined;
  }
  const first = asides.findIndex(({ queue }) => queue === owed.queue);
  return asides.splice(first, 1)[0];
}

/** Microseconds a row. */
export function rowUs({ startedAt, endedAt }: JobResult, rows: number): number {
  return ((endedAt - startedAt) * 1000) / Math.max(1, rows);
}
