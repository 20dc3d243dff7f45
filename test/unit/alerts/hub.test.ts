import { describe, expect, it, vi } from "vitest";
import { createAlerts } from "../../../src/alerts/hub.ts";
import { WeirError } from "../../../src/domain/errors.ts";
import { anAlert } from "./an-alert.ts";

const limits = { watchersMax: 3, watcherAlertsMax: 4 };

function keysOf(watcher: ReturnType<ReturnType<typeof createAlerts>["watch"]>): string[] {
  const keys: string[] = [];
  for (let next = watcher.take(); next !== undefined; next = watcher.take()) {
    keys.push(next.alert.key);
  }
  return keys;
}

describe("createAlerts", () => {
  it("gives every watcher every alert from now on, in order", () => {
    const alerts = createAlerts(limits);
    alerts.publish(anAlert({ key: "before" }));
    const first = alerts.watch([], () => undefined);
    alerts.publish(anAlert({ key: "a" }));
    const second = alerts.watch([], () => undefined);
    alerts.publish(anAlert({ key: "b" }));
    expect(keysOf(first)).toEqual(["a", "b"]);
    expect(keysOf(second)).toEqual(["b"]);
  });

  it("filters by detector", () => {
    const alerts = createAlerts(limits);
    const wake = vi.fn<() => void>();
    const watcher = alerts.watch(["x", "y"], wake);
    alerts.publish(anAlert({ detector: "z", key: "no" }));
    expect(wake).not.toHaveBeenCalled();
    alerts.publish(anAlert({ detector: "x", key: "1" }));
    alerts.publish(anAlert({ detector: "y", key: "2" }));
    expect(keysOf(watcher)).toEqual(["1", "2"]);
  });

  it("wakes only when an empty queue becomes non-empty", () => {
    const alerts = createAlerts(limits);
    const wake = vi.fn<() => void>();
    const watcher = alerts.watch([], wake);
    alerts.publish(anAlert());
    alerts.publish(anAlert());
    expect(wake).toHaveBeenCalledTimes(1);
    watcher.take();
    alerts.publish(anAlert());
    expect(wake).toHaveBeenCalledTimes(1);
    keysOf(watcher);
    alerts.publish(anAlert());
    expect(wake).toHaveBeenCalledTimes(2);
  });

  it("drops the oldest for a watcher that does not keep up, and for nobody else", () => {
    const lost: number[] = [];
    const alerts = createAlerts(limits, (count) => lost.push(count));
    const slow = alerts.watch([], () => undefined);
    const fast = alerts.watch([], () => undefined);
    for (let i = 0; i < 10; i++) {
      alerts.publish(anAlert({ key: String(i) }));
      expect(fast.take()).toMatchObject({ alert: { key: String(i) }, lost: 0 });
    }
    expect(slow.take()).toMatchObject({ alert: { key: "6" }, lost: 6 });
    expect(keysOf(slow)).toEqual(["7", "8", "9"]);
    expect(lost).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("bounds the watchers, and a closed one makes room", () => {
    const alerts = createAlerts(limits);
    const watchers = [1, 2, 3].map(() => alerts.watch([], () => undefined));
    const refused = (): unknown => alerts.watch([], () => undefined);
    expect(refused).toThrow(WeirError);
    expect(refused).toThrow("at most 3 watchers");
    watchers[0]?.close();
    watchers[0]?.close();
    expect(alerts.watchers).toBe(2);
    alerts.watch([], () => undefined);
    expect(refused).toThrow(WeirError);
  });

  it("gives a closed watcher nothing more", () => {
    const alerts = createAlerts(limits);
    const wake = vi.fn<() => void>();
    const watcher = alerts.watch([], wake);
    watcher.close();
    alerts.publish(anAlert());
    expect(wake).not.toHaveBeenCalled();
    expect(watcher.take()).toBeUndefined();
  });

  it("never throws into the publisher: a reader that fails to wake is closed", () => {
    const alerts = createAlerts(limits);
    alerts.watch([], () => {
      throw new Error("reader broke");
    });
    const healthy = alerts.watch([], () => undefined);
    alerts.publish(anAlert({ key: "k" }));
    expect(alerts.watchers).toBe(1);
    expect(keysOf(healthy)).toEqual(["k"]);
  });
});
