import type { Position } from "../../shard/journal.ts";
import { journalIn } from "../replay/restore-shard.ts";
import type { Disk } from "../snapshot/disk.ts";
import { SnapshotDamage } from "../snapshot/format.ts";
import type { Snapshot } from "../snapshot/format.ts";
import { SnapshotWriter } from "../snapshot/snapshot-writer.ts";
import { checkSnapshot, pruneSnapshots, snapshotsIn } from "../snapshot/snapshots.ts";
import { Past } from "./past.ts";
import { releaseMemories } from "./release-memories.ts";
import type { KeeperSetting, SnapshotDone } from "./protocol.ts";
import { newestSegmentSince, truncate } from "./truncate.ts";

export interface MakeSnapshotOptions extends KeeperSetting {
  /** Everything up to here is durable, and was stepped or left out. */
  readonly until: Position;
  readonly onProgress?: (fraction: number, rows: number) => void;
  readonly disk?: Disk;
}

/**
 * Makes a snapshot out of the newest one and the journal, one shard after the other, and lets go of what is not needed any more: older snapshots, then
 * segments of the journal. Where it fails the snapshots are as they were.
 */
export function makeSnapshot(options: MakeSnapshotOptions): SnapshotDone {
  const { data, until, snapshotsKept, journalBytesMax, journalAgeMsMax } = options;
  const past = new Past(options, until);
  const { snapshot, shared } = sameAgain(past, until) ?? write(options, past);
  const unsound = new Set(past.damaged.keys());
  unsound.delete(snapshot.position);
  const { removed, oldest } = pruneSnapshots(snapshotsIn(data), {
    keep: snapshotsKept,
    unsound,
    ...(options.disk !== undefined && { disk: options.disk }),
  });
  const journal = journalIn(data);
  const segmentsRemoved = truncate({
    journal,
    oldest,
    bytesMax: journalBytesMax,
    beforeUnixMs: Date.now() - journalAgeMsMax,
  });
  return {
    kind: "snapshot",
    snapshot,
    rows: past.rows,
    shared,
    removed,
    oldest,
    segmentsRemoved,
    damaged: [...past.damaged.values()],
    newestSegmentSince: newestSegmentSince(journal),
  };
}

interface Written {
  readonly snapshot: Snapshot;
  /** Shards whose file is that of an older snapshot. */
  readonly shared: number;
}

/** The snapshot that is there at this very position; undefined = there is none, or it is damaged. */
function sameAgain(past: Past, until: Position): Written | undefined {
  const [snapshot] = past.snapshots;
  if (snapshot?.position !== until) return undefined;
  try {
    checkSnapshot(snapshot);
    return { snapshot, shared: 0 };
  } catch (error) {
    if (!(error instanceof SnapshotDamage)) throw error;
    past.damaged.set(until, error.message);
    return undefined;
  }
}

function write({ data, shards, until, disk }: MakeSnapshotOptions, past: Past): Written {
  const writer = new SnapshotWriter({
    directory: snapshotsIn(data),
    position: until,
    shards,
    ...(disk !== undefined && { disk }),
  });
  try {
    let shared = 0;
    for (let shard = 0; shard < shards; shard++) {
      if (share(writer, past, shard)) {
        shared++;
      } else {
        writer.writeShard(shard, past.replicaOf(shard).views.u8);
        releaseMemories();
      }
    }
    return { snapshot: writer.finish(past.processState().toJson(), Date.now()), shared };
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

/** Uses the shard's file of the newest snapshot again, where nothing has happened in the shard since. */
function share(writer: SnapshotWriter, past: Past, shard: number): boolean {
  const [newest] = past.snapshots;
  if (newest === undefined || past.changed(shard, newest.position)) return false;
  try {
    writer.shareShard(newest, shard);
    return true;
  } catch (error) {
    if (!(error instanceof SnapshotDamage)) throw error;
    past.damaged.set(newest.position, error.message);
    return false;
  }
}
