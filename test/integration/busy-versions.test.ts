import { rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { systemClock } from "../../src/domain/clock.ts";
import { createDetector, frame, request, submit } from "../support/core.ts";
import { startShadow } from "../support/shadows.ts";
import { other, spec, startVersions } from "../support/versions-rig.ts";
import type { VersionRig } from "../support/versions-rig.ts";

const rigs: VersionRig[] = [];
const loads: Load[] = [];
afterEach(async () => {
  for (const load of loads.splice(0)) load.stop();
  for (const rig of rigs.splice(0)) {
    await rig.close();
    rmSync(rig.data, { recursive: true, force: true });
  }
});

const keys = Array.from({ length: 8 }, (_, key) => `key-${key}`);

/** Requests of which each is followed by the next before its shard can have nothing to do. */
class Load {
  rows = 0;
  private isOn = true;
  private readonly rig: VersionRig;

  constructor(rig: VersionRig) {
    this.rig = rig;
    loads.push(this);
    for (let i = 0; i < 8; i++) this.send();
  }

  stop(): void {
    this.isOn = false;
  }

  private send(): void {
    if (!this.isOn) return;
    const values = keys.map((_, key) => [((this.rows + key) * 0.37) % 1]);
    const { core } = this.rig;
    this.rows += keys.length;
    core.admission.submit(
      request({ detector: "live", frame: frame(values, keys) }),
      {
        receivedAt: systemClock.now(),
        deadline: Number.POSITIVE_INFINITY,
        transport: "grpc_stream",
        traceparent: undefined,
      },
      { answer: () => this.send(), fail: () => this.stop() },
    );
  }
}

async function started(): Promise<VersionRig> {
  const rig = await startVersions();
  rigs.push(rig);
  await createDetector(rig.core, "live", spec);
  for (let i = 0; i < 50; i++) {
    const values = keys.map((_, key) => [((i + key) * 0.61) % 1]);
    await submit(rig.core, request({ detector: "live", frame: frame(values, keys) }));
  }
  return rig;
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; !what(); i++) {
    if (i === 600) throw new Error("it did not happen");
    await pause(20);
  }
}

test("a version that learns takes over though rows wait all the time", async () => {
  const rig = await started();
  const load = new Load(rig);
  await rig.versions.update("live", normalizeSpec(other));
  await until(() => rig.core.detectors.versionOf("live") === 2);
  const { rows } = load;
  await until(() => load.rows > rows);
  load.stop();
});

test("while rows wait all the time a shadow is not fed", async () => {
  const rig = await started();
  await startShadow(rig, { name: "shadow", shadowed: "live", spec });
  const load = new Load(rig);
  await until(() => load.rows > 20_000);
  expect(rig.shadows.report("shadow").rows).toBe(0);
  load.stop();
});

test("a version that is replayed to now goes on though rows wait all the time", async () => {
  const rig = await started();
  await rig.versions.update("live", normalizeSpec({ ...spec, threshold: 0.25 }));
  for (let i = 0; i < 50; i++) {
    await submit(rig.core, request({ detector: "live", frame: frame([[0.5]], ["key-1"]) }));
  }
  expect(rig.core.detectors.versionOf("live")).toBe(2);
  await until(() => rig.versions.list("live").every(({ problem }) => problem === ""));
  const load = new Load(rig);
  const going = rig.versions.rollback("live", 1, true);
  const replayed = () => rig.versions.list("live").find(({ version }) => version === 1);
  await until(() => (replayed()?.events ?? 0) > 420 || replayed()?.state === "serving");
  await going;
  load.stop();
  await until(() => replayed()?.state === "serving");
});
