import { describe, expect, it } from "vitest";
import { GatherTurns } from "../../../src/shard/gather-turns.ts";

/** Turns that a batch waits which comes at `now` and finds `arrivals` rows more in each turn. */
function batch(turns: GatherTurns, now: number, arrivals = 0): number {
  let rows = 1;
  let waited = 0;
  turns.begin(rows);
  while (turns.wait(now, rows)) {
    waited++;
    rows += arrivals;
  }
  turns.end(now, rows);
  return waited;
}

describe("turns of the event loop that a batch waits", () => {
  it("are none after a pause", () => {
    const turns = new GatherTurns();
    expect(batch(turns, 0)).toBe(0);
    expect(batch(turns, 5)).toBe(0);
  });

  it("are a few while batches follow each other and grow", () => {
    const turns = new GatherTurns();
    batch(turns, 0);
    for (let i = 1; i < 100; i++) expect(batch(turns, i * 0.1, 1)).toBe(8);
    expect(batch(turns, 10.0, 8)).toBe(2);
  });

  it("become none when nobody ever joins, but for a look now and then", () => {
    const turns = new GatherTurns();
    const waits = Array.from({ length: 200 }, (_, i) => batch(turns, i * 0.05));
    expect(waits.slice(1, 8).every((each) => each === 8)).toBe(true);
    const later = waits.slice(8).filter((each) => each > 0).length;
    expect(later).toBeGreaterThan(0);
    expect(later).toBeLessThanOrEqual(7);
    // Company is noticed.
    const joined = Array.from({ length: 64 }, (_, i) => batch(turns, 10 + i * 0.05, 1));
    expect(joined.at(-1)).toBe(8);
  });
});
