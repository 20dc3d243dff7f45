import { expect, test } from "vitest";
import { Mode } from "../../src/domain/event.ts";
import { mulberry, normal } from "../kernel.ts";
import { createDetector, event, frame, request, startCore, submit } from "../support/core.ts";

/** As many encoded columns as numbers that only rules read: the model has as many columns as a frame, but others. */
const spec = {
  inputs: [
    { name: "fee", rulesOnly: true },
    { name: "amount" },
    { name: "kind", type: "category", encoding: "label" },
  ],
  ecod: {},
  window: { rows: 100, minSamples: 30, retrainInterval: 1000 },
  timeoutMs: 30_000,
};

test("a packed row is the row by name where the model's columns are as many as the frame's", async () => {
  const core = await startCore();
  try {
    await createDetector(core, "d", spec);
    const random = mulberry(3);
    const rows = Array.from({ length: 40 }, (_, i) => ({
      numbers: { fee: 1000 + i, amount: normal(random) },
      categories: { kind: i % 3 === 0 ? "refund" : "sale" },
    }));
    const asked = { detector: "d", mode: Mode.SCORE_ONLY };
    await submit(core, request({ detector: "d", events: rows.map((row) => event(row)) }));
    await expect.poll(() => core.detectors.get("d").features.length).toBe(2);
    await core.trainer.idle();
    const named = await submit(core, request({ ...asked, events: rows.map((row) => event(row)) }));
    const categories = ["sale", "refund"];
    const index = rows.map(({ categories: { kind } }) => categories.indexOf(kind));
    const packed = {
      ...frame(
        rows.map(({ numbers: { fee, amount } }) => [fee, amount]),
        rows.map(() => ""),
      ),
      categories,
      categoryIndex: new Uint8Array(Uint32Array.from(index).buffer),
    };
    const framed = await submit(core, request({ ...asked, frame: packed }));
    expect(Array.from(framed.scores)).toEqual(Array.from(named.scores));
    expect(new Set(named.scores).size).toBeGreaterThan(20);
  } finally {
    await core.close();
  }
});
