import { beforeEach, describe, expect, test } from "vitest";
import { keysOf, outcomeOf, ReadRig } from "../../support/read-rig.ts";

let rig: ReadRig;

beforeEach(() => {
  rig = new ReadRig(2);
});

/** Rows that wait in the shards. */
const placed = (): number =>
  rig.shards.shards.reduce((rows, { gathering }) => rows + gathering.rows, 0);
const answerAll = (): void => {
  while (rig.inFlight > 0) rig.shards.step(outcomeOf);
};

describe("many small requests", () => {
  test("have some milliseconds of work in the shards together, and all their answers", () => {
    const alone = rig.ask({ keys: keysOf(20) });
    expect(placed()).toBe(20);
    const asked = Array.from({ length: 500 }, () => rig.ask({ keys: keysOf(20) }));
    const most = placed();
    expect(most).toBeGreaterThan(200);
    expect(most).toBeLessThan(2500);
    while (rig.inFlight > 0) {
      expect(rig.shards.step(outcomeOf)).toBeLessThanOrEqual(most);
    }
    expect([alone, ...asked].every(({ replies, values }) => replies === 1 && values)).toBe(true);
    expect(rig.shards.stepped).toHaveLength(501 * 20);
  });

  test("give their share back when they are answered, cancelled or refused", () => {
    const fill = (): number => {
      const asked = Array.from({ length: 500 }, () => rig.ask({ keys: keysOf(20) }));
      const rows = placed();
      for (const { cancel } of asked.slice(0, 250)) cancel();
      answerAll();
      return rows;
    };
    const first = fill();
    expect(() => rig.ask({ keys: [] })).toThrow("keys: there are none");
    expect(fill()).toBe(first);
    rig.clock.advance(1);
    expect(fill()).toBe(first);
  });
});
