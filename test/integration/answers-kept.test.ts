import { afterAll, beforeAll, expect, test } from "vitest";
import { Source } from "../../src/domain/verdict.ts";
import { explainIn } from "../../src/report/explain-verdict.ts";
import { PackedRowsReader } from "../../src/report/packed-row.ts";
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

test("a repeat that got a fallback's answer again is explained so, though the shard said another", async () => {
  const sent = kept.sent.filter(({ id }) => id === "late");
  expect(sent.map(({ score, replayed }) => [score, replayed])).toEqual([
    [0.125, 0],
    [0.125, 1],
  ]);
  const source = openStateSource(kept.data);
  const module = await compileModule(keptModulePath);
  const explained = [];
  for (const { position, body } of source.entries({ after: 0, kinds: [Kind.ROWS] })) {
    const packed = new PackedRowsReader(body);
    for (let row = 0; row < packed.rows; row++) {
      if (packed.op(row) !== 1 || Buffer.from(packed.id(row)).toString() !== "late") continue;
      explained.push(explainIn(source, module, { position, row }));
    }
  }
  expect(explained).toHaveLength(2);
  for (const [at, one] of explained.entries()) {
    expect(one?.answered?.scores[0]).toBe(0.125);
    expect(one?.answered?.sources[0]).toBe(Source.DEFAULT);
    expect(one?.answered?.modelVersions[0]).toBe(sent[at]?.modelVersion);
    expect(one?.answered?.replayed[0]).toBe(at);
    expect(one?.modelled.scores[0]).not.toBe(0.125);
  }
});
