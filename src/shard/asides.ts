import type { ShardJournal } from "./journal.ts";
import type { Mender } from "./mender.ts";
import { unpackRows } from "./packed-rows.ts";
import type { JobResult } from "./protocol.ts";
import type { AsideBatch, Batch, Shard } from "./shard.ts";

export interface AsideOptions {
  readonly journal: ShardJournal;
  readonly mender: Pick<Mender, "mend">;
  /** Steps a batch on this thread or another; undefined = that thread died. */
  readonly step: (shard: Shard, batch: Batch, work: number) => Promise<JobResult | undefined>;
  /** Why a step did not work off its region; undefined = it did. */
  readonly failureOf: (result: JobResult | undefined) => string | undefined;
}

/** Steps rows that nobody waits for, in the region in which nothing gathers. The shard is busy until it resolves. */
export async function stepAside(
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

/** Microseconds a row. */
export function rowUs({ startedAt, endedAt }: JobResult, rows: number): number {
  return ((endedAt - startedAt) * 1000) / Math.max(1, rows);
}
