import { expect, test } from "vitest";
import { Turns, type InParts } from "../../../src/serving/turns.ts";

/** One that notes when it goes on, and then does `then`. */
function named(name: string, told: string[], then: (one: InParts) => void = () => {}): InParts {
  const one: InParts = {
    goOn: () => {
      told.push(name);
      then(one);
    },
  };
  return one;
}

test("one at a time goes on, and who wants another turn waits behind the others", () => {
  const turns = new Turns();
  const told: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => named(name, told));
  if (a === undefined || b === undefined || c === undefined) throw new Error("three");
  expect([turns.take(a), turns.take(b), turns.take(c)]).toEqual([true, false, false]);
  turns.end(a);
  expect(turns.take(a)).toBe(false);
  expect(told).toEqual(["b"]);
  // Given up while it waits.
  turns.end(c);
  turns.end(b);
  expect(told).toEqual(["b", "a"]);
  turns.end(a);
  expect(turns.take(b)).toBe(true);
});

test("one that wants another turn at once waits behind the others, too", () => {
  const turns = new Turns();
  const told: string[] = [];
  let parts = 3;
  const greedy = named("greedy", told, (one) => {
    turns.end(one);
    if (--parts > 0 && turns.take(one)) one.goOn();
  });
  const first = named("first", told);
  const last = named("last", told, (one) => turns.end(one));
  turns.take(first);
  turns.take(greedy);
  turns.take(last);
  turns.end(first);
  expect(told).toEqual(["greedy", "last", "greedy", "greedy"]);
});

test("however many end their turn at once, they do not call each other", () => {
  const turns = new Turns();
  const told: string[] = [];
  const first = named("first", told);
  turns.take(first);
  for (let i = 0; i < 20_000; i++) turns.take(named("each", told, (one) => turns.end(one)));
  turns.end(first);
  expect(told).toHaveLength(20_000);
});
