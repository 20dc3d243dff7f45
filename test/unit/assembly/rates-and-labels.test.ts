import { beforeAll, describe, expect, it } from "vitest";
import { Leaves } from "../../support/leaves.ts";
import type { Leaf } from "../../support/leaves.ts";

let leaves: Leaves;
beforeAll(async () => {
  leaves = await Leaves.make();
});

describe("rates", () => {
  const rate = (window: number, leaf: () => Leaf, asked: { time?: number; start?: number }) => {
    leaves.begin({ needs: ["ends"], window, size: 60_000 });
    const it = leaf();
    const none = it.value("rate", { parameter: 1000, ...asked });
    for (const time of [1000, 3000, 3000, 5000]) it.add(time, 0);
    return [none, it.value("rate", { parameter: 1000, ...asked })];
  };

  it.each([
    ["sliding: over its length", 1, {}, 4 / 60],
    ["tumbling: since its start", 3, { time: 6000, start: 2000 }, 1],
    ["tumbling: over a unit at least", 3, { time: 6000, start: 5999 }, 4],
    ["last n: over the time between them", 8, { start: 0 }, 3 / 4],
    ["global: since the first member", 9, { time: 9000 }, 1 / 2],
  ])("%s", (_name, window, asked, right) => {
    expect(rate(window, () => leaves.exact(8), asked)).toEqual([0, right]);
    expect(rate(window, () => leaves.pane(), asked)).toEqual([0, right]);
  });
});

describe("labels", () => {
  it("number a hundred categories in the order in which they came, and no more", () => {
    leaves.begin({ needs: ["labels"] });
    const leaf = leaves.pane();
    const label = (own: number) => leaf.value("label", { own });
    expect([label(7), label(NaN)]).toEqual([1, NaN]);
    for (let i = 0; i < 150; i++) {
      leaf.add(i, 1000 - i);
      leaf.add(i, 1000);
    }
    expect([label(1000), label(999), label(901), label(900), label(5)]).toEqual([1, 2, 100, 0, 0]);
  });
});
