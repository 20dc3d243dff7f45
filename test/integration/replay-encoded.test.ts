import { afterAll, beforeAll, expect, test } from "vitest";
import { replay } from "../../src/cli/replay.ts";
import { explainVerdict } from "../../src/report/explain-verdict.ts";
import { compileModule } from "../../src/shard/module.ts";
import { createDetector, event } from "../support/core.ts";
import { eventually } from "../support/eventually.ts";
import { keptModulePath, KeptCore } from "../support/kept-core.ts";

const spec = {
  inputs: [{ name: "amount" }, { name: "country", type: "category", encoding: "onehot" }],
  ecod: {},
  window: { rows: 60, minSamples: 30, retrainInterval: 40 },
  timeoutMs: 2000,
};

let kept: KeptCore;
beforeAll(async () => {
  kept = await KeptCore.start();
  await createDetector(kept.core, "d", spec);
  for (let i = 0; i < 120; i++) {
    if (i === 60) {
      const { detectors } = kept.core;
      await eventually(() =>
        expect(detectors.status(detectors.get("d")).modelVersion).toBeGreaterThan(0),
      );
    }
    const categories = { country: ["DE", "FR", "JP"][i % 3] ?? "" };
    const one = event({ id: `e${i}`, key: "k", numbers: { amount: (i * 0.37) % 1 }, categories });
    await kept.send({ detector: "d", events: [one], explain: i % 2 === 0 });
  }
  await kept.close();
});
afterAll(() => kept.remove());

test("a detector that encodes categories gives its verdicts again", async () => {
  const lines: string[] = [];
  const print = (text: string): void => void lines.push(text);
  const terminal = { print, error: print, interactive: false };
  const status = await replay(["--detector", "d", "--data", kept.data], terminal, keptModulePath);
  expect(lines[0]).toMatch(/^Everything is equal: \d+ verdicts/);
  expect(status).toBe(0);
});

test("its reasons are of the columns that it had", async () => {
  const module = await compileModule(keptModulePath);
  const row = kept.sent.find(({ id }) => id === "e100");
  const explained = explainVerdict(kept.data, module, { detector: "d", id: "e100", key: "k" });
  expect(explained?.answered?.scores[0]).toBe(row?.score);
  expect(explained?.modelled.explanations?.[0]).toEqual(row?.explanation);
  const columns = row?.explanation?.reasons.map(({ feature }) => feature) ?? [];
  expect(columns.length).toBeGreaterThan(2);
});
