import { expect, test } from "vitest";
import { State } from "../../../src/domain/verdict.ts";
import { Tally } from "../../../src/shadow/tally.ts";

function judged(
  ...rows: readonly (readonly [count: number, live: number, other: number])[]
): Tally {
  const tally = new Tally(0);
  for (const [count, live, other] of rows) {
    for (let i = 0; i < count; i++) tally.judge(live, other);
  }
  return tally;
}

test("is ready when it was for 95 % of the rows that the live one was ready for", () => {
  expect(judged([94, State.READY, State.READY], [6, State.READY, State.BURN_IN]).isReady).toBe(
    false,
  );
  expect(judged([95, State.READY, State.READY], [5, State.READY, State.BURN_IN]).isReady).toBe(
    true,
  );
  expect(judged([100, State.RETRAINING, State.RETRAINING]).isReady).toBe(true);
});

test("needs a hundred rows", () => {
  expect(judged([99, State.READY, State.READY]).isReady).toBe(false);
});

test("only the last thousand rows count", () => {
  const tally = judged([5000, State.READY, State.COLLECTING], [950, State.READY, State.READY]);
  expect(tally.isReady).toBe(true);
  expect(judged([5000, State.READY, State.READY], [51, State.READY, State.BURN_IN]).isReady).toBe(
    false,
  );
});

test("rows that the live one was not ready for count where there are no others", () => {
  expect(judged([500, State.COLLECTING, State.COLLECTING]).isReady).toBe(true);
  expect(judged([500, State.BURN_IN, State.COLLECTING]).isReady).toBe(false);
  expect(judged([500, State.BURN_IN, State.BURN_IN], [1, State.READY, State.READY]).isReady).toBe(
    false,
  );
});
