import { expect, test } from "vitest";
import { makeDetector } from "../../../../src/config/detector.ts";
import { normalizeSpec } from "../../../../src/config/detector-spec.ts";
import type { SlotSpec } from "../../../../src/shard/journal.ts";
import { Op, ROWS_MAX } from "../../../../src/shard/layout.ts";
import { compileModule } from "../../../../src/shard/module.ts";
import { Kind } from "../../../../src/state/journal/entry.ts";
import { OtherRun } from "../../../../src/state/replay/other-run.ts";
import { Replica } from "../../../../src/state/replay/replica.ts";
import { TrainNow } from "../../../../src/state/replay/train-now.ts";
import { builds } from "../../../kernel.ts";
import { LiveShard, replayRows, replayShardBytes } from "../../../support/replay-rig.ts";
import type { ReplayRow } from "../../../support/replay-rig.ts";

const inputs = [{ name: "a" }, { name: "b" }, { name: "c" }].map((input) => ({
  ...input,
  missing: "MODEL",
}));
const trees = { inputs, halfSpaceTrees: { trees: 4, height: 4, window: 4 }, burnInEvents: 2 };
const live: SlotSpec = { name: "d", version: 1, spec: trees };
/** With its inputs and the bits of defaults more values a row than 8,192 rows have room for. */
const wide = {
  ...trees,
  features: Array.from({ length: 64 }, (_, i) => ({
    name: `f${i}`,
    of: "a",
    aggregate: "mean",
    window: { sliding: `${i + 1}m` },
    defaultValue: 0,
  })),
};

/** What the wide detector says of rows that come in batches of so many. */
async function said(rows: readonly ReplayRow[], batch: number): Promise<(number | string)[]> {
  const [, path = ""] = builds[0] ?? [];
  const module = await compileModule(path);
  const shard = new LiveShard(module);
  shard.createAll();
  for (let at = 0; at < rows.length; at += batch) shard.batch(rows.slice(at, at + batch));
  const replica = Replica.create(module, replayShardBytes);
  const detector = makeDetector("wide", 0, normalizeSpec(wide));
  const other = new OtherRun(detector, module, new TrainNow(module));
  const outputs: (number | string)[] = [];
  for (const entry of shard.entries) {
    const stepped = replica.apply(entry);
    if (entry.kind !== Kind.ROWS) continue;
    other.feed(replica, stepped, (row) => (replica.region.slot(row) === 0 ? live : undefined));
    for (let row = 0; row < stepped; row++) {
      const { region } = other;
      const seen = replica.region.slot(row) === 0 && replica.op(row) !== Op.SKIP;
      outputs.push(seen ? region.score(row) : "skipped", region.rawScore(row), region.state(row));
    }
  }
  return outputs;
}

test("rows too wide for a whole batch are stepped in parts of it", async () => {
  const rows = replayRows(2 * ROWS_MAX, 3, true).map((row) => ({ ...row, slot: 0 }));
  const whole = await said(rows, ROWS_MAX);
  expect(whole.filter((value) => typeof value === "number" && value > 0).length).toBeGreaterThan(
    ROWS_MAX,
  );
  expect(whole).toEqual(await said(rows, 1024));
});
