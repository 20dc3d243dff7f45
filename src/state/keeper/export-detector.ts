import type { Position } from "../../shard/journal.ts";
import type { Replica } from "../replay/replica.ts";
import type { Disk } from "../snapshot/disk.ts";
import { ExportWriter } from "./export-file.ts";
import { Past } from "./past.ts";
import type { ExportAbout, ExportDone, KeeperSetting } from "./protocol.ts";
import { releaseMemories } from "./release-memories.ts";

export interface ExportDetectorOptions extends KeeperSetting {
  readonly slot: number;
  /** As `until` of a snapshot. */
  readonly at: Position;
  /** Absolute; replaced when it is there. */
  readonly file: string;
  readonly about: ExportAbout;
  readonly onProgress?: (fraction: number, rows: number) => void;
  readonly disk?: Disk;
}

/** Writes the state that a slot's detector had at a position, over all shards. Where it fails there is no file. */
export function exportDetector(options: ExportDetectorOptions): ExportDone {
  const { shards, slot, at: position, file, about, disk } = options;
  const past = new Past(options, position);
  const writer = new ExportWriter(file, { about, shards, position }, disk);
  try {
    for (let shard = 0; shard < shards; shard++) {
      for (const part of partsOf(past.replicaOf(shard), slot)) writer.writePart(shard, part);
      releaseMemories();
    }
    return { kind: "export", bytes: writer.finish(), rows: past.rows };
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

/** The parts of a detector's state in one shard, in their order; each holds until the next. */
function* partsOf({ kernel, views }: Replica, slot: number): Generator<Uint8Array, void> {
  for (let start = 1; ; start = 0) {
    const bytes = kernel.exportState(slot, start);
    if (bytes === 0) return;
    const at = kernel.transferAddress() >>> 0;
    yield views.u8.slice(at, at + bytes);
  }
}
