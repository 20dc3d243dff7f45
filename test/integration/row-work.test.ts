import { afterAll, beforeAll, expect, test } from "vitest";
import { Mode } from "../../src/domain/event.ts";
import {
  createDetector,
  event,
  request,
  startCore,
  submit,
  type TestCore,
} from "../support/core.ts";

let core: TestCore;

beforeAll(async () => {
  core = await startCore({ shards: 1 });
});
afterAll(() => core.close());

const plain = { inputs: [{ name: "amount" }] };
const features = [
  { name: "n", aggregate: "count", window: { sliding: "1h" } },
  { name: "most", of: "amount", aggregate: "max", window: { last: 5 }, default_value: 0 },
];

/** What the shard is told that one row costs. */
async function workOf(detector: string, mode: Mode): Promise<number> {
  const events = [event({ key: "k", numbers: { amount: 1 } })];
  const answered = submit(core, request({ detector, mode, events }));
  const { work } = core.shards.shards[0] ?? { work: Number.NaN };
  await answered;
  return work;
}

test("a row that is only scored counts for the log that it goes through", async () => {
  await createDetector(core, "plain", plain);
  await createDetector(core, "short", { ...plain, features, event_time: { exact_events: 16 } });
  await createDetector(core, "long", { ...plain, features, event_time: { exact_events: 4096 } });
  const learned = await workOf("long", Mode.SCORE_AND_LEARN);
  expect(await workOf("plain", Mode.SCORE_ONLY)).toBe(await workOf("plain", Mode.SCORE_AND_LEARN));
  expect(await workOf("short", Mode.SCORE_AND_LEARN)).toBe(learned);
  const short = await workOf("short", Mode.SCORE_ONLY);
  const long = await workOf("long", Mode.SCORE_ONLY);
  expect(short).toBeLessThan(2 * learned);
  // 4,096 events of two groups: 27 us, in rows of 200 ns.
  expect(long).toBeGreaterThan(100);
});
