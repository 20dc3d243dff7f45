import { expect, it } from "vitest";
import { makeDetector } from "../../../src/config/detector.ts";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { IdleDetectors } from "../../../src/control/idle-detectors.ts";
import type { DetectorStatus } from "../../../src/control/registry.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const log = { info: () => undefined, error: () => undefined };

/** Detectors with counters to be set by hand. */
function registry(specs: Readonly<Record<string, unknown>>) {
  const detectors = Object.entries(specs).map(([name, spec], slot) =>
    makeDetector(name, slot, normalizeSpec(spec)),
  );
  const events = new Map<string, number>();
  return {
    events,
    list: () => detectors,
    status: ({ name }: { name: string }) =>
      ({ events: events.get(name) ?? 0 }) as unknown as DetectorStatus,
    remove: (name: string) => {
      detectors.splice(
        detectors.findIndex((each) => each.name === name),
        1,
      );
      return Promise.resolve();
    },
    /** Another one by the same name. */
    replace: (name: string) => {
      const at = detectors.findIndex((each) => each.name === name);
      detectors[at] = makeDetector(name, 9, normalizeSpec(specs[name]));
    },
    names: () => detectors.map(({ name }) => name),
  };
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    clock.advance(1000);
    await new Promise(setImmediate);
  }
}

it("removes streaming detectors that learn nothing, and no others", async () => {
  const clock = new ManualClock();
  const all = registry({
    idle: { ecod: {} },
    busy: { ecod: {} },
    declared: { ecod: {} },
    keys: { ecod: {}, window: { scope: "key" }, inputs: [{ name: "a" }] },
    trees: { inputs: [{ name: "a" }] },
  });
  const idle = new IdleDetectors({
    registry: all,
    ttlMs: 60_000,
    keep: new Set(["declared"]),
    clock,
    log,
  });
  for (let i = 0; i < 10; i++) {
    all.events.set("busy", i);
    await pass(clock, 10_000);
  }
  expect(all.names()).toEqual(["busy", "declared", "keys", "trees"]);
  await pass(clock, 100_000);
  expect(all.names()).toEqual(["declared", "keys", "trees"]);
  idle.close();
});

it("removes nobody without a time to live", async () => {
  const clock = new ManualClock();
  const all = registry({ idle: { ecod: {} } });
  const idle = new IdleDetectors({ registry: all, ttlMs: 0, keep: new Set(), clock, log });
  await pass(clock, 100_000);
  expect(all.names()).toEqual(["idle"]);
  idle.close();
});

it("leaves alone what takes the name of one that was deleted", async () => {
  const clock = new ManualClock();
  const all = registry({ first: { ecod: {} }, second: { ecod: {} } });
  const idle = new IdleDetectors({ registry: all, ttlMs: 60_000, keep: new Set(), clock, log });
  const { remove } = all;
  all.remove = async (name) => {
    await remove(name);
    if (name === "first") all.replace("second");
  };
  await pass(clock, 90_000);
  expect(all.names()).toEqual(["second"]);
  all.replace("second");
  await pass(clock, 45_000);
  expect(all.names()).toEqual(["second"]);
  await pass(clock, 60_000);
  expect(all.names()).toEqual([]);
  idle.close();
});
