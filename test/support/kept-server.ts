import { openDetectorStore } from "../../src/control/detector-store.ts";
import type { CoreOptions } from "../../src/core.ts";
import type { DetectorConfig } from "../../src/domain/detector.ts";
import { systemClock } from "../../src/domain/clock.ts";
import { compileModule } from "../../src/shard/module.ts";
import type { Journal } from "../../src/state/journal/journal.ts";
import { openState } from "../../src/state/open-state.ts";
import type { OpenState } from "../../src/state/open-state.ts";
import { resizeShards } from "../../src/state/run-state.ts";
import { redeclare } from "../../src/versions/redeclare.ts";
import type { RedeclareLog } from "../../src/versions/redeclare.ts";
import { startCore } from "./core.ts";
import type { TestCore } from "./core.ts";
import { keptModulePath } from "./kept-core.ts";

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const settings = {
  durability: "acknowledged",
  snapshotIntervalMs: 0,
  snapshotsKept: 3,
  journalBytesMax: 1 << 30,
  journalAgeMsMax: 1 << 30,
  versionsKept: 3,
} as const;

/** What a server is without its ports. */
export interface KeptServer {
  readonly core: TestCore;
  readonly state: OpenState;
  /** A second time it does nothing. */
  close(): Promise<void>;
}

export interface KeptServerOptions {
  readonly memoryBytes?: number;
  readonly shards?: number;
  /** False = it ends, as it were, before it knows its detectors. */
  readonly restores?: boolean;
  /** What its configuration declares; and what is told of that. */
  readonly declared?: ReadonlyMap<string, DetectorConfig>;
  readonly told?: RedeclareLog;
  /** What stands in the place of its journal. */
  readonly journal?: (journal: Journal) => Journal;
  readonly core?: Partial<CoreOptions>;
}

/** Does with a data directory what a start does, up to the ports. */
export async function startKept(
  data: string,
  options: KeptServerOptions = {},
): Promise<KeptServer> {
  const { memoryBytes = 64 << 20, shards = 3, restores = true } = options;
  const { declared = new Map(), told = log } = options;
  const module = await compileModule(keptModulePath);
  const { durability } = settings;
  const at = { data, module, durability, shards, shardsGiven: true, memoryBytes };
  const opened = await openState({ ...at, clock: systemClock, log });
  const state = { ...opened, journal: options.journal?.(opened.journal) ?? opened.journal };
  const store = await openDetectorStore(data);
  const core = await startCore({
    modulePath: keptModulePath,
    shardMemoryBytes: memoryBytes,
    trainerMemoryBytes: 128 << 20,
    store,
    state,
    keeps: { data, settings },
    ...options.core,
  });
  let closing: Promise<void> | undefined;
  const closeNow = async (): Promise<void> => {
    await core.close();
    await store.close();
  };
  const close = (): Promise<void> => (closing ??= closeNow());
  try {
    await resizeShards(core, state, memoryBytes);
    if (restores) {
      const changed = await core.detectors.restore(declared, state.recovered);
      for (const [name, config] of changed) await redeclare(core, { name, config }, told);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { core, state, close };
}
