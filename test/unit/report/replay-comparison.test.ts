import { beforeAll, describe, expect, test } from "vitest";
import { ReplayComparison } from "../../../src/report/replay-comparison.ts";
import type { Answered, SlotSpec } from "../../../src/shard/journal.ts";
import { Op } from "../../../src/shard/layout.ts";
import { compileModule } from "../../../src/shard/module.ts";
import { verdictIn } from "../../../src/shard/packed-rows.ts";
import type { ModelVerdict } from "../../../src/shard/packed-rows.ts";
import { Kind } from "../../../src/state/journal/entry.ts";
import type { ReplayedBatch } from "../../../src/state/replay/run-types.ts";
import { builds } from "../../kernel.ts";
import { LiveShard, replayRows } from "../../support/replay-rig.ts";

const [[, path] = ["", ""]] = builds;
const spec: SlotSpec = { name: "d", version: 1, spec: { inputs: [{ name: "a" }] } };
const other: SlotSpec = { ...spec, name: "other" };
const rows = 50;
let batch: ReplayedBatch;

/** A batch whose verdicts are those of the journal. */
beforeAll(async () => {
  const shard = new LiveShard(await compileModule(path));
  shard.createAll();
  for (let seed = 1; seed < 10; seed++) shard.batch(replayRows(60, seed, true));
  shard.batch(replayRows(rows, 10, true));
  const entry = shard.entries.findLast(({ kind }) => kind === Kind.ROWS);
  const verdicts = shard.entries.findLast(({ kind }) => kind === Kind.VERDICTS)?.body.subarray(8);
  if (entry === undefined || verdicts === undefined) throw new Error("no batch");
  batch = {
    entry,
    rows,
    region: shard.stepped,
    other: undefined,
    key: () => Buffer.from("key"),
    id: () => Buffer.from("id"),
    arrivalMs: () => 1000,
    eventTimeMs: () => 900,
    op: () => Op.SCORE_AND_LEARN,
    live: (row) => verdictIn(verdicts, row),
    answered: () => undefined,
    slot: (slot) => (slot === 0 ? spec : other),
    isAside: () => false,
    isShared: () => false,
    asked: () => "d",
    owner: (row) => (shard.stepped.slot(row) === 0 ? spec : other),
  };
});

function compare(given: Partial<ReplayedBatch> = {}, rowsMax = 1e9): ReplayComparison {
  const comparison = new ReplayComparison({ detector: "d", rowsMax });
  // A region has its numbers behind getters: what is given replaces the rest one by one.
  comparison.visit({ ...batch, ...given });
  return comparison;
}

function ofSlot(slot: number): readonly number[] {
  return Array.from({ length: rows }, (_, row) => row).filter(
    (row) => batch.region.slot(row) === slot,
  );
}

describe("a comparison of a replay with the journal", () => {
  test("takes the detector's rows, and names the others'", () => {
    const comparison = compare();
    expect(comparison.rows).toBe(ofSlot(0).length);
    expect(comparison.rows).toBeGreaterThan(10);
    expect(comparison.rows).toBeLessThan(rows);
    expect([...comparison.others]).toEqual(["other"]);
    expect(comparison.different).toBe(0);
    expect(comparison.first).toBeUndefined();
  });

  test.each<Partial<ModelVerdict>>([
    { score: 0.123 },
    { score: Number.NaN },
    { anomaly: true },
    { state: 4 },
    { replayed: true },
    { source: 3 },
    { timeliness: 2 },
    { systemAction: true },
    { status: 1 },
  ])("finds a verdict that had %j", (changed) => {
    const [name = ""] = Object.keys(changed);
    const at = ofSlot(0).find((row) => {
      const live = new Map<string, unknown>(Object.entries(batch.live(row) ?? {}));
      const isScored = !Number.isNaN(batch.region.score(row));
      return isScored && !Object.is(live.get(name), Object.values(changed)[0]);
    });
    if (at === undefined) throw new Error("no such row");
    const live = (row: number): ModelVerdict | undefined => {
      const verdict = batch.live(row);
      return row === at && verdict !== undefined ? { ...verdict, ...changed } : verdict;
    };
    const comparison = compare({ live });
    expect(comparison.different).toBe(1);
    expect(comparison.first).toMatchObject({ row: at, key: "key", id: "id", timeUnixMs: 900 });
    const field = name === "systemAction" ? "system_action" : name;
    expect(comparison.first?.what).toMatch(new RegExp(`^${field} .* live and .* now$`));
  });

  test("counts rows of which nothing is known, and ends in time", () => {
    const without = compare({ live: () => undefined });
    expect(without.withoutLive).toBe(without.rows);
    expect(without.different).toBe(0);
    const few = compare({}, 3);
    expect(few.rows).toBe(3);
  });

  test("counts what fallbacks answered beside what the model says", () => {
    const sources = [2, 3, 4];
    const answered = (row: number): Answered => ({
      position: 1,
      row,
      score: 0.5,
      threshold: 1,
      source: sources[row % 3] ?? 4,
      state: 3,
      anomaly: 1 - (batch.region.anomaly(row) & 1),
      rule: -1,
      rawScore: 0.5,
      modelVersion: 2,
      replayed: 0,
    });
    const {
      byDefault,
      cached,
      onlyFallback,
      onlyReplay,
      rows: all,
      rules,
    } = compare({ answered }).fallback;
    expect(all).toBe(ofSlot(0).length);
    expect(rules + cached + byDefault).toBe(all);
    expect(Math.min(rules, cached, byDefault)).toBeGreaterThan(0);
    expect(onlyFallback + onlyReplay).toBe(all);
  });
});
