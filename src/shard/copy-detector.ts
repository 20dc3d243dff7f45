import { setImmediate } from "node:timers/promises";
import { applyChange } from "./apply-change.ts";
import type { Change, ShardJournal } from "./journal.ts";
import { Status } from "./layout.ts";
import type { ShardExports } from "./module.ts";
import type { Shard } from "./shard.ts";

/**
 * Gives a detector of a shard that was just made the state of another. Nothing else may happen in the shard meanwhile; other shards, and the
 * event loop, go on. Status of the first part that was refused, or OK.
 */
export async function copyDetector(
  shard: Shard,
  kernel: ShardExports,
  {
    from,
    to,
    journal,
  }: { readonly from: number; readonly to: number; readonly journal: ShardJournal },
): Promise<number> {
  const { views } = shard;
  const parts: Uint8Array[] = [];
  for (let start = 1; ; start = 0) {
    const bytes = kernel.exportState(from, start);
    if (bytes === 0) break;
    const at = kernel.transferAddress() >>> 0;
    parts.push(views.u8.slice(at, at + bytes));
    // oxlint-disable-next-line no-await-in-loop -- the event loop goes on in between
    await setImmediate();
  }
  for (const part of parts) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, as the journal takes them
    while (!journal.hasRoom) await setImmediate();
    if (journal.failed) return Status.NO_MEMORY;
    const change: Change = { kind: "import", slot: to, part };
    const position = journal.appendChange(shard.index, change);
    if (position > 0) {
      shard.position = position;
      shard.applying = position;
    }
    const status = applyChange(kernel, views, change);
    if (status !== Status.OK) return status;
    // oxlint-disable-next-line no-await-in-loop
    await setImmediate();
  }
  return Status.OK;
}
