import { beforeAll, describe, expect, test } from "vitest";
import { Op, Region, regionBase, Row, RowFlag, ROW_BYTES } from "../../../src/shard/layout.ts";
import { compileModule } from "../../../src/shard/module.ts";
import type { Entry } from "../../../src/state/journal/entry.ts";
import { Kind } from "../../../src/state/journal/entry.ts";
import { Replica } from "../../../src/state/replay/replica.ts";
import { explainedRow, PackedRowsReader, rowsBefore } from "../../../src/report/packed-row.ts";
import { builds } from "../../kernel.ts";
import { LiveShard, replayRows, replayShardBytes } from "../../support/replay-rig.ts";
import type { ReplayRow } from "../../support/replay-rig.ts";

const [[, path] = ["", ""]] = builds;
let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compileModule(path);
});

/** The newest batch's row, explained on the state that was there before it. */
function explained(shard: LiveShard, row: number): Replica {
  const at = shard.entries.findLastIndex(({ kind }) => kind === Kind.ROWS);
  const entry = shard.entries[at];
  if (entry === undefined) throw new Error("no batch");
  const replica = Replica.create(module, replayShardBytes);
  for (const each of shard.entries.slice(0, at)) replica.apply(each);
  const withBody = (body: Uint8Array): Entry => ({ ...entry, body });
  replica.apply(withBody(rowsBefore(entry.body, row)));
  replica.apply(withBody(explainedRow(entry.body, row)));
  return replica;
}

describe("a row that is explained afterwards", () => {
  test("has the verdict that it had, whatever it stood between", () => {
    const shard = new LiveShard(module);
    shard.createAll();
    for (let seed = 1; seed <= 12; seed++) shard.batch(replayRows(60, seed));
    shard.batch(replayRows(40, 99));
    const live = shard.stepped;
    let scored = 0;
    for (let row = 0; row < 40; row++) {
      const op =
        shard.views.u8[regionBase(live.index) + Region.rows + row * ROW_BYTES + Row.op] ?? 0;
      // Others have no verdict.
      if (op < Op.SCORE_AND_LEARN || op > Op.LEARN_ONLY) continue;
      const { region } = explained(shard, row);
      expect(region.status(row)).toBe(live.status(row));
      expect(region.score(row)).toBe(live.score(row));
      expect(region.threshold(row)).toBe(live.threshold(row));
      expect(region.state(row)).toBe(live.state(row));
      expect(region.anomaly(row)).toBe(live.anomaly(row));
      expect(region.replayed(row)).toBe(live.replayed(row));
      if (!Number.isNaN(live.score(row))) scored++;
    }
    expect(scored).toBeGreaterThan(5);
  });

  test("finds room in a region that has none", () => {
    const features = 64;
    const shard = new LiveShard(module);
    const names = { trees: 4, height: 4, window: 4, burnIn: 0, idsMax: 0, keysPerPartition: 2 };
    shard.create(0, { ...names, features });
    const row = (value: number): ReplayRow => ({
      slot: 0,
      op: Op.SCORE_AND_LEARN,
      key: "",
      id: "",
      values: Array.from({ length: features }, (_, i) => (value + i / features) % 1),
      explain: false,
      systemAction: false,
      lateMs: 0,
      cancelled: false,
    });
    shard.batch(Array.from({ length: 8192 }, (_, i) => row((i * 0.618) % 1)));
    const last = 8191;
    const score = shard.stepped.score(last);
    const { region } = explained(shard, last);
    expect(score).toBeGreaterThan(0);
    expect(region.score(last)).toBe(score);
    let sum = region.valueAfter(last, 3 * features);
    for (let i = 0; i < features; i++) sum += region.valueAfter(last, features + i);
    expect(sum).toBeCloseTo(score, 9);
  });

  test("is not asked for reasons when it was only to be learned", () => {
    const shard = new LiveShard(module);
    shard.createAll();
    const [one] = replayRows(1, 5, true);
    if (one === undefined) throw new Error("no row");
    shard.batch([{ ...one, op: Op.LEARN_ONLY }]);
    const { body } = shard.entries.find(({ kind }) => kind === Kind.ROWS) ?? {
      body: new Uint8Array(),
    };
    const flags = (op: number): number => {
      const changed = body.slice();
      changed[16 + 2] = op;
      return explainedRow(changed, 0)[16 + 3] ?? 0;
    };
    expect(flags(Op.LEARN_ONLY) & RowFlag.EXPLAIN).toBe(0);
    expect(flags(Op.SCORE_ONLY) & RowFlag.EXPLAIN).not.toBe(0);
  });
});

test("rows are read where they lie in an entry", () => {
  const shard = new LiveShard(module);
  shard.createAll();
  const rows = replayRows(30, 3, true);
  const packed = new PackedRowsReader(shard.batch(rows));
  expect(packed.rows).toBe(30);
  for (const [row, { id, key, slot }] of rows.entries()) {
    expect(Buffer.from(packed.key(row)).toString()).toBe(key);
    expect(Buffer.from(packed.id(row)).toString()).toBe(id);
    expect(packed.slot(row)).toBe(slot);
    expect(packed.op(row)).toBe(Op.SCORE_AND_LEARN);
  }
});
