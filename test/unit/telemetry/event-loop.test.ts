import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { watchEventLoop, type LagMonitor } from "../../../src/telemetry/event-loop.ts";

let monitor: LagMonitor | undefined;
afterEach(() => monitor?.stop());

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe("the event loop's lag", () => {
  it("is how long it was blocked, in seconds, in the window that has ended", async () => {
    monitor = watchEventLoop();
    await sleep(60);
    block(120);
    await sleep(40);
    expect(monitor.read().max).toBeGreaterThan(0.08);
    monitor.rotate();
    await sleep(60);
    expect(monitor.read().max).toBeGreaterThan(0.08);
    expect(monitor.read().p50).toBeLessThan(0.08);
    monitor.rotate();
    expect(monitor.read().max).toBeLessThan(0.08);
  });

  it("starts over", async () => {
    monitor = watchEventLoop();
    await sleep(60);
    block(120);
    await sleep(40);
    monitor.startOver();
    expect(monitor.read()).toEqual({ p50: 0, p99: 0, max: 0 });
  });
});
