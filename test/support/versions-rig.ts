import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/domain/clock.ts";
import { compileModule } from "../../src/shard/module.ts";
import { Keeper } from "../../src/state/keeper/keeper.ts";
import { openState } from "../../src/state/open-state.ts";
import { VersionFiles } from "../../src/versions/version-store.ts";
import { keptModulePath } from "./kept-core.ts";
import { startShadows } from "./shadows.ts";
import type { ShadowRig } from "./shadows.ts";

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const memoryBytes = 64 << 20;

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
  const shared = { data, module, shards: 2, memoryBytes, clock: systemClock, log };
  const state = await openState({ ...shared, durability: "relaxed", shardsGiven: true });
  const { journal } = state;
  let keeper: Keeper | undefined;
  const rig = await startShadows(
    {
      modulePath: keptModulePath,
      shardMemoryBytes: memoryBytes,
      trainerMemoryBytes: 128 << 20,
      state,
      acknowledges: false,
    },
    ({ shards }) => {
      keeper = new Keeper({
        ...shared,
        snapshotsKept: 3,
        journalBytesMax: 1 << 30,
        journalAgeMsMax: 1 << 30,
        settled: () => shards.settled,
        journalBytes: () => journal.stats.bytes,
        newest: state.snapshot,
        intervalMs: Number.POSITIVE_INFINITY,
        bytesBetween: Number.POSITIVE_INFINITY,
      });
      return new VersionFiles({ data, journal, shards, keeper });
    },
  );
  const { core, versions } = rig;
  await Promise.all(
    core.shards.shards.map(({ index }) => core.shards.change(index, { kind: "resize", memoryBytes })),
  );
  await core.detectors.restore(new Map(), state.recovered);
  return {
    ...rig,
    data,
    close: async () => {
      await versions.close();
      await core.shards.idle();
      await keeper?.close();
      await core.close();
    },
  };
}
