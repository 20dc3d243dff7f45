import { afterAll, beforeAll, expect, test } from "vitest";
import { Source } from "../../src/domain/verdict.ts";
import { explainIn, type Explained } from "../../src/report/explain-verdict.ts";
import { PackedRowsReader } from "../../src/report/packed-row.ts";
import { Op } from "../../src/shard/layout.ts";
import { compileModule } from "../../src/shard/module.ts";
import { Kind } from "../../src/state/journal/entry.ts";
import { openStateSource } from "../../src/state/replay/source.ts";
import { createDetector, event } from "../support/core.ts";
import { keptModulePath, KeptCore } from "../support/kept-core.ts";

const late = event({ id: "late", key: "k", numbers: { amount: 0.9 } });
let kept: KeptCore;

beforeAll(async () => {
  kept = await KeptCore.start();
  await createDetector(kept.core, "d", {
    inputs: [{ name: "amount" }],
    halfSpaceTrees: { window: 5 },
    timeoutMs: 2000,
    fallback: ["SOURCE_DEFAULT"],
    defaultScore: 0.125,
  });
  for (let i = 0; i < 20; i++) {
    const one = event({ key: "k", numbers: { amount: (i * 0.37) % 1 } });
    await kept.send({ detector: "d", events: [one] });
  }
  kept.pool.slow = true;
  const first = kept.send({ detector: "d", events: [late], timeoutMs: 20 });
  // Placed before the first one's budget ends: its own is long enough for the model.
  const second = kept.send({ detector: "d", events: [late], timeoutMs: 2000 });
  await first;
  kept.pool.release();
  await second;
  await kept.close();
});
afterAll(() => kept.remove());

/** Of the rows of an id, in the journal's order. */
function explainedRows(module: WebAssembly.Module, id: string): (Explained | undefined)[] {
  const source = openStateSource(kept.data);
  return [...source.entries({ after: 0, kinds: [Kind.ROWS] })].flatMap(({ position, body }) => {
    const packed = new PackedRowsReader(body);
    const rows = Array.from({ length: packed.rows }, (_, row) => row);
    return rows
      .filter((row) => packed.op(row) === Op.SCORE_AND_LEARN)
      .filter((row) => Buffer.from(packed.id(row)).toString() === id)
      .map((row) => explainIn(source, module, { position, row }));
  });
}

test("a repeat that got a fallback's answer again is explained so, though the shard said another", async () => {
  const sent = kept.sent.filter(({ id }) => id === "late");
  expect(sent.map(({ score, replayed }) => [score, replayed])).toEqual([
    [0.125, 0],
    [0.125, 1],
  ]);
  const explained = explainedRows(await compileModule(keptModulePath), "late");
  expect(explained).toHaveLength(2);
  for (const [at, one] of explained.entries()) {
    expect(one?.answered).toMatchObject({
      scores: Float64Array.of(0.125),
      sources: Uint8Array.of(Source.DEFAULT),
      modelVersions: Uint32Array.of(sent[at]?.modelVersion ?? 0),
      replayed: Uint8Array.of(at),
    });
    expect(one?.modelled.scores[0]).not.toBe(0.125);
  }
});
