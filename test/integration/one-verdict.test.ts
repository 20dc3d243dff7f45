import { afterEach, describe, expect, test } from "vitest";
import { Source } from "../../src/domain/verdict.ts";
import { Budget, IdRig } from "../support/id-rig.ts";
import { stopWriter } from "../support/stop-writer.ts";
import { eventually } from "../support/eventually.ts";

const trees = { halfSpaceTrees: { window: 20 }, burnInEvents: 1, fallback: ["default"] };
const oneCell = {
  ecod: {},
  window: { rows: 60, minSamples: 30, retrainInterval: 1000 },
  fallback: ["default"],
};

const rigs: IdRig[] = [];
afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
});

async function start(spec: object = trees): Promise<IdRig> {
  const rig = await IdRig.start(spec);
  rigs.push(rig);
  await rig.teach();
  return rig;
}

/** The id's durable verdicts, after it was sent once more and answered with one. */
async function durableOf(rig: IdRig, id = "x"): Promise<readonly string[]> {
  await rig.settle();
  const { durables, replayed } = await rig.answer({ id });
  expect([durables[0], replayed[0]]).toEqual([1, 1]);
  return [...(rig.durable.get(id) ?? [])];
}

describe.each([
  ["trees", trees],
  ["one cell", oneCell],
])("an id that is sent again while it is in flight (%s)", (_model, spec) => {
  describe.each([
    ["an event", false],
    ["a frame", true],
  ])("as %s", (_form, packed) => {
    test("in the same batch: what the second falls back to is not the first one's", async () => {
      const rig = await start(spec);
      rig.pool.slow = true;
      const first = rig.send({ id: "x" });
      const second = rig.send({ id: "x", packed, timeoutMs: Budget.short });
      await rig.stepHeld();
      rig.endBudgets();
      expect(second.verdicts?.sources[0]).toBe(Source.DEFAULT);
      rig.pool.release();
      await eventually(() => expect(first.verdicts).toBeDefined());
      expect(await durableOf(rig)).toHaveLength(1);
    });

    test("in the batch behind it", async () => {
      const rig = await start(spec);
      rig.pool.slow = true;
      const first = rig.send({ id: "x" });
      await rig.stepHeld();
      const second = rig.send({ id: "x", packed, timeoutMs: Budget.short });
      rig.endBudgets();
      expect(second.verdicts?.sources[0]).toBe(Source.DEFAULT);
      rig.pool.release();
      await eventually(() => expect(first.verdicts).toBeDefined());
      expect(await durableOf(rig)).toHaveLength(1);
    });

    test("long after it was answered", async () => {
      const rig = await start(spec);
      await rig.answer({ id: "x" });
      rig.pool.slow = true;
      const again = rig.send({ id: "x", packed, timeoutMs: Budget.short });
      await rig.stepHeld();
      rig.endBudgets();
      expect(again.verdicts?.sources[0]).toBe(Source.DEFAULT);
      expect(await durableOf(rig)).toHaveLength(1);
    });

    test("and the first falls back: both have that verdict, and so has whoever asks later", async () => {
      const rig = await start(spec);
      rig.pool.slow = true;
      const first = rig.send({ id: "x", timeoutMs: Budget.short });
      await rig.stepHeld();
      const second = rig.send({ id: "x", packed });
      rig.endBudgets();
      rig.pool.release();
      await eventually(() => expect(second.verdicts).toBeDefined());
      for (const { verdicts } of [first, second]) {
        expect(verdicts?.sources[0]).toBe(Source.DEFAULT);
        expect(verdicts?.durables[0]).toBe(0);
      }
      expect(await durableOf(rig)).toEqual([`0.5 (${Source.DEFAULT})`]);
    });

    test("and only the disk is late for the first", async () => {
      const rig = await start(spec);
      rig.journal.hold();
      const first = rig.send({ id: "x", timeoutMs: Budget.short });
      const second = rig.send({ id: "x", packed });
      await rig.core.shards.idle();
      rig.endBudgets();
      expect(first.verdicts?.sources[0]).toBe(Source.DEFAULT);
      rig.journal.release();
      await eventually(() => expect(second.verdicts).toBeDefined());
      expect(await durableOf(rig)).toHaveLength(1);
    });
  });
});

test("what a fallback said is no promise before it is on disk, and after a crash it was none", async () => {
  const rig = await start();
  rig.pool.slow = true;
  const first = rig.send({ id: "x", timeoutMs: Budget.short });
  await rig.stepHeld();
  await eventually(() => expect(rig.state.journal.durable).toBe(rig.state.journal.newest));
  rig.endBudgets();
  expect(first.verdicts?.durables[0]).toBe(0);
  await rig.crash();
  const [source] = (await rig.answer({ id: "x" })).sources;
  expect(source).toBe(Source.MODEL);
  expect(await durableOf(rig)).toHaveLength(1);
});

test("what a fallback said is kept once it was repeated as durable", async () => {
  const rig = await start();
  rig.pool.slow = true;
  rig.send({ id: "x", timeoutMs: Budget.short });
  await rig.stepHeld();
  rig.endBudgets();
  expect(await durableOf(rig)).toEqual([`0.5 (${Source.DEFAULT})`]);
  await rig.crash();
  expect(await durableOf(rig)).toEqual([`0.5 (${Source.DEFAULT})`]);
});

test("a thread that dies in the step changes nothing about it", async () => {
  const rig = await start();
  rig.pool.slow = true;
  const first = rig.send({ id: "x" });
  const second = rig.send({ id: "x", timeoutMs: Budget.short });
  await rig.stepHeld();
  rig.endBudgets();
  rig.pool.fail();
  await eventually(() => expect(first.verdicts).toBeDefined());
  expect(second.verdicts?.sources[0]).toBe(Source.DEFAULT);
  expect(await durableOf(rig)).toHaveLength(1);
});

test("nor does a journal that fails and goes on", async () => {
  const rig = await start();
  rig.pool.slow = true;
  const first = rig.send({ id: "x", timeoutMs: Budget.short });
  await rig.stepHeld();
  await eventually(() => expect(rig.state.journal.durable).toBe(rig.state.journal.newest));
  rig.endBudgets();
  expect(first.verdicts).toBeDefined();
  const fail = await stopWriter(rig.state.journal);
  fail();
  rig.pool.release();
  await eventually(() => expect(rig.state.journal.failed).toBe(false));
  expect(await durableOf(rig)).toHaveLength(1);
});

test("an event whose rows were undone is taken for new when it is sent again", async () => {
  const rig = await start();
  const fail = await stopWriter(rig.state.journal);
  const first = rig.send({ id: "x", timeoutMs: Budget.short });
  await rig.core.shards.idle();
  rig.endBudgets();
  expect(first.verdicts?.durables[0]).toBe(0);
  fail();
  await eventually(() => expect(rig.state.journal.failed).toBe(false));
  const again = await rig.answer({ id: "x" });
  expect([again.replayed[0], again.sources[0]]).toEqual([0, Source.MODEL]);
  expect(await durableOf(rig)).toHaveLength(1);
});

test("a detector that is configured anew meanwhile knows what the fallback said", async () => {
  const rig = await start();
  rig.pool.slow = true;
  const first = rig.send({ id: "x", timeoutMs: Budget.short });
  await rig.stepHeld();
  rig.endBudgets();
  expect(first.verdicts?.sources[0]).toBe(Source.DEFAULT);
  const detector = rig.core.detectors.get("d");
  const before = rig.core.admission.runtimeOf(detector);
  const renamed = rig.core.admission.runtimeOf({ ...detector });
  renamed.reconfigure(before);
  expect(renamed.firstVerdicts).toBe(before.firstVerdicts);
});
