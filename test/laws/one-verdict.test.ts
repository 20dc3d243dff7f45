import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Budget, IdRig } from "../support/id-rig.ts";
import type { Sending, Sent } from "../support/id-rig.ts";

const IDS = 3;
const spec = { halfSpaceTrees: { window: 20 }, burnInEvents: 1, fallback: ["default"] };

const acts = {
  turn: (rig: IdRig) => rig.turn(),
  endBudgets: (rig: IdRig) => rig.endBudgets(),
  holdSteps: (rig: IdRig) => (rig.pool.slow = true),
  releaseSteps: (rig: IdRig) => rig.pool.release(),
  failSteps: (rig: IdRig) => rig.pool.fail(),
  holdJournal: (rig: IdRig) => rig.journal.hold(),
  releaseJournal: (rig: IdRig) => rig.journal.release(),
  cancel: (_: IdRig, sent: readonly Sent[]) => sent.at(-1)?.cancel(),
  failJournal: (rig: IdRig) => rig.failJournal(),
  crash: (rig: IdRig) => rig.crash(),
} as const;

type Act = keyof typeof acts | Sending;

const sends: fc.Arbitrary<Act> = fc.record({
  id: fc.nat({ max: IDS - 1 }).map(String),
  value: fc.constantFrom(0.1, 0.5, 0.9, 7),
  packed: fc.boolean(),
  timeoutMs: fc.constantFrom(Budget.short, Budget.long),
});
const turns: fc.Arbitrary<Act> = fc.constantFrom("turn", "endBudgets");
const delays: fc.Arbitrary<Act> = fc.constantFrom(
  "holdSteps",
  "releaseSteps",
  "failSteps",
  "holdJournal",
  "releaseJournal",
  "cancel",
);

function schedule(minLength: number, maxLength: number): fc.Arbitrary<Act[]> {
  return fc.array(fc.oneof(sends, turns, delays), { minLength, maxLength });
}

let rig: IdRig;
let runs = 0;
beforeAll(async () => {
  rig = await IdRig.start(spec);
  await rig.teach();
});
afterAll(() => rig.close());

async function law(all: readonly Act[]): Promise<void> {
  const run = runs++;
  const sent: Sent[] = [];
  for (const act of all) {
    // oxlint-disable-next-line no-await-in-loop -- in their order
    if (typeof act === "string") await acts[act](rig, sent);
    else sent.push(rig.send({ ...act, id: `${run}-${act.id}` }));
  }
  await rig.settle();
  for (let i = 0; i < IDS; i++) {
    const id = `${run}-${i}`;
    // oxlint-disable-next-line no-await-in-loop -- in their order
    await rig.answer({ id });
    expect([...(rig.durable.get(id) ?? [])]).toHaveLength(1);
  }
}

test("an id has one durable verdict, whatever is late, dies or is cancelled in whatever order", () =>
  fc.assert(fc.asyncProperty(schedule(5, 30), law), { numRuns: 150 }));

test("nor has it another where the journal fails in between, or the server ends", () => {
  const fails = fc.constantFrom<Act>("failJournal", "crash");
  const both = fc.tuple(schedule(3, 12), fails, schedule(3, 12));
  const property = fc.asyncProperty(both, ([before, fail, after]) =>
    law([...before, fail, ...after]),
  );
  return fc.assert(property, { numRuns: 10 });
});
