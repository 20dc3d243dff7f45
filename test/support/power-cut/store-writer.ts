import { writeSync } from "node:fs";
import { applyChange } from "../../../src/shard/apply-change.ts";
import type { Change } from "../../../src/shard/journal.ts";
import { compileModule } from "../../../src/shard/module.ts";
import { Journal } from "../../../src/state/journal/journal.ts";
import { KeeperThread } from "../../../src/state/keeper/keeper-thread.ts";
import type { KeeperRequest, KeeperSetting } from "../../../src/state/keeper/protocol.ts";
import { journalIn } from "../../../src/state/replay/restore-shard.ts";
import { controlBlock, mulberry } from "../../kernel.ts";
import { LiveShard, replayDetectors, replayRows, replayShardBytes } from "../replay-rig.ts";

/*
 * One shard with its journal and its snapshots in a data directory (the first argument), without a server: batches, changes, segments that fill
 * up, snapshots now and then, old ones that leave. Says "entry position CLOCK_MONOTONIC" when an entry is durable, and "snapshot ..." when
 * one is there. Further arguments: a seed, the kernel, "all" to keep the whole journal or "bounded".
 */
const [, , data = "", seedText = "1", kernel = "", keep = "all"] = process.argv;
const seed = Number(seedText);
const BATCHES = 110;
const SEGMENT_BYTES = 200 * 1024;

const say = (what: string, position: number): void => {
  writeSync(1, `${what} ${position} ${process.hrtime.bigint()}\n`);
};

const module = await compileModule(kernel);
const live = new LiveShard(module);
const journal = await Journal.open({
  directory: journalIn(data),
  first: 1,
  shards: 1,
  views: [live.views],
  durability: "acknowledged",
  segmentBytes: SEGMENT_BYTES,
  spaceMinBytes: 0,
});
const setting: KeeperSetting = {
  module,
  data,
  shards: 1,
  memoryBytes: replayShardBytes,
  snapshotsKept: 2,
  journalBytesMax: keep === "all" ? Number.MAX_SAFE_INTEGER : 2 * SEGMENT_BYTES,
  journalAgeMsMax: Number.MAX_SAFE_INTEGER,
};
let keeping: Promise<unknown> = Promise.resolve();
const ask = (request: KeeperRequest, then: () => void): void => {
  keeping = keeping.then(async () => {
    await new KeeperThread().run(setting, request, () => undefined);
    then();
  });
};
journal.onSealed = (path) => ask({ kind: "seal", path }, () => void journal.releaseSegment(path));
journal.onFailed = (error) => {
  throw error;
};
const acknowledge = (position: number): void => {
  journal.whenDurable(position, (durable) => {
    if (durable) say("entry", position);
  });
};
const change = (what: Change): void => {
  acknowledge(journal.appendChange(0, what));
  applyChange(live.kernel, live.views, what);
};

for (const [slot, options] of replayDetectors.entries()) {
  change({ kind: "create", slot, block: controlBlock(options), spec: "{}" });
}
const random = mulberry(seed);
for (let batch = 1; batch <= BATCHES; batch++) {
  const region = live.gather(replayRows(1 + Math.floor(random() * 60), seed * 1000 + batch));
  const position = journal.appendRows(0, region);
  live.stepRegion(region);
  journal.appendVerdicts(0, position, region);
  acknowledge(position);
  if (batch % 23 === 0) change({ kind: "reset", slot: batch % 4 });
  // Some batches wait for the disk, others come while it is busy.
  if (random() < 0.6) {
    await new Promise<void>((resolve) => {
      journal.whenDurable(position, () => resolve());
    });
  }
  if (batch % 20 === 0) {
    const until = journal.durable;
    ask({ kind: "snapshot", until }, () => say("snapshot", until));
    if (batch % 40 === 0) await keeping;
  }
}
await keeping;
// Without its end: the newest segment stays as it is while it is written.
await new Promise<void>((resolve) => {
  journal.whenDurable(journal.newest, () => resolve());
});
process.exit(0);
