import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { onTestFinished } from "vitest";
import { compileModule } from "../../src/shard/module.ts";
import { encodeProcessChange, Kind, NO_SHARD } from "../../src/state/journal/entry.ts";
import { listSegments } from "../../src/state/journal/segments.ts";
import { makeSnapshot } from "../../src/state/keeper/make-snapshot.ts";
import type { KeeperSetting, SnapshotDone } from "../../src/state/keeper/protocol.ts";
import type { ProcessChange } from "../../src/state/process-change.ts";
import { journalIn } from "../../src/state/replay/restore-shard.ts";
import type { Disk } from "../../src/state/snapshot/disk.ts";
import { builds } from "../kernel.ts";
import { WriterRig } from "./journal.ts";
import { LiveShard, replayRows, replayShardBytes } from "./replay-rig.ts";

const SHARDS = 2;

export async function kernelModule(): Promise<WebAssembly.Module> {
  const [[, path] = ["", ""]] = builds;
  return compileModule(path);
}

/** A data directory that is written as a server does, with live shards to compare with. Gone after the test. */
export class DataRig {
  readonly data: string;
  readonly live: readonly LiveShard[];
  readonly setting: KeeperSetting;
  /** Of the newest entry. */
  position = 0;
  private readonly writer: WriterRig;
  private seed = 1;
  private readonly taken: number[] = Array.from({ length: SHARDS }, () => 0);

  constructor(module: WebAssembly.Module, segmentBytes = 2 ** 30) {
    this.data = mkdtempSync(join(tmpdir(), "weir-data-"));
    onTestFinished(() => rmSync(this.data, { recursive: true, force: true }));
    mkdirSync(journalIn(this.data));
    this.writer = new WriterRig(journalIn(this.data), { segmentBytes });
    this.live = Array.from({ length: SHARDS }, () => new LiveShard(module));
    this.setting = {
      module,
      data: this.data,
      shards: SHARDS,
      memoryBytes: replayShardBytes,
      snapshotsKept: 3,
      journalBytesMax: 2 ** 40,
      journalAgeMsMax: 2 ** 50,
    };
    for (const shard of this.live) shard.createAll();
    this.process({ kind: "catalogue", catalogue: { detectors: [] } });
    this.flush();
  }

  /** Batches in one shard, or in each of them. */
  batches(count: number, only?: number): void {
    for (let i = 0; i < count; i++) {
      for (const [index, shard] of this.live.entries()) {
        if (only === undefined || only === index) shard.batch(replayRows(40, this.seed++));
      }
      this.flush();
    }
  }

  process(change: ProcessChange): void {
    const body = encodeProcessChange(change);
    this.position++;
    this.writer.write([{ shard: NO_SHARD, kind: Kind.PROCESS, unixMs: Date.now(), rows: 0, body }]);
  }

  snapshot(
    more: Partial<KeeperSetting> & { readonly disk?: Disk; readonly until?: number } = {},
  ): SnapshotDone {
    return makeSnapshot({ ...this.setting, until: this.position, ...more });
  }

  /** Ends the writing, as a server that stops. */
  close(): void {
    this.writer.close();
  }

  segments(): ReturnType<typeof listSegments> {
    return listSegments(journalIn(this.data));
  }

  /** Alters the journal, as a person with SQL could. */
  sql(position: number, statement: string): void {
    const segment = this.segments().find(
      ({ first, last }) => first <= position && position <= last,
    );
    if (segment === undefined) throw new Error(`no entry ${position}`);
    const database = new DatabaseSync(segment.path);
    database.exec(statement);
    database.close();
  }

  private flush(): void {
    for (const [shard, live] of this.live.entries()) {
      for (const { kind, rows, body } of live.entries.slice(this.taken[shard])) {
        this.position++;
        this.writer.write([{ shard, kind, unixMs: Date.now(), rows, body }]);
      }
      this.taken[shard] = live.entries.length;
    }
  }
}
