import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/domain/clock.ts";
import { compileModule } from "../../src/shard/module.ts";
import { openState } from "../../src/state/open-state.ts";
import { keptModulePath } from "./kept-core.ts";
import { startShadows } from "./shadows.ts";
import type { ShadowRig } from "./shadows.ts";

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const memoryBytes = 64 << 20;

/** One that is soon past its burn-in, and one whose state is no use to it. */
export const spec = {
  inputs: [{ name: "amount" }],
  halfSpaceTrees: { window: 20 },
  threshold: 0.5,
  timeoutMs: 5000,
  burnInEvents: 5,
};
export const other = { ...spec, halfSpaceTrees: { window: 15, trees: 7 } };

export interface VersionRig extends ShadowRig {
  readonly data: string;
  /** Everything is stepped and on disk. The directory stays. */
  close(): Promise<void>;
}

/** A core that keeps its state in a directory, with shadows and versions. */
export async function startVersions(
  data = mkdtempSync(join(tmpdir(), "weir-versions-")),
): Promise<VersionRig> {
  const module = await compileModule(keptModulePath);
  const state = await openState({
    data,
    module,
    shards: 2,
    shardsGiven: true,
    memoryBytes,
    clock: systemClock,
    log,
    durability: "relaxed",
  });
  const rig = await startShadows({
    modulePath: keptModulePath,
    shardMemoryBytes: memoryBytes,
    trainerMemoryBytes: 128 << 20,
    state,
    keeps: {
      data,
      settings: {
        durability: "relaxed",
        snapshotIntervalMs: 0,
        snapshotsKept: 3,
        journalBytesMax: 1 << 30,
        journalAgeMsMax: 1 << 30,
        versionsKept: 3,
      },
    },
  });
  const { core } = rig;
  await Promise.all(
    core.shards.shards.map(({ index }) =>
      core.shards.changes.change(index, { kind: "resize", memoryBytes }),
    ),
  );
  await core.detectors.restore(new Map(), state.recovered);
  const close = async (): Promise<void> => {
    await core.versions.close();
    await core.shards.idle();
    await core.close();
  };
  return { ...rig, data, close };
}
