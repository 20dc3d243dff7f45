import { Admission } from "./admission/admission.ts";
import type { Alerts } from "./alerts/alerts.ts";
import { limits } from "./config/limits.ts";
import { Detectors } from "./control/detectors.ts";
import type { DetectorStore } from "./control/detector-store.ts";
import { Discovery } from "./discovery/discovery.ts";
import type { Clock } from "./domain/clock.ts";
import { ModelThreads } from "./models/model-threads.ts";
import type { FeatureReader } from "./serving/features.ts";
import { ShardFeatures } from "./serving/shard-features.ts";
import { checkLimits } from "./shard/check-limits.ts";
import { compileModule } from "./shard/module.ts";
import { ShardSet } from "./shard/shard-set.ts";
import type { ShardSetOptions } from "./shard/shard-set-options.ts";
import { Shadows } from "./shadow/shadows.ts";
import { keep } from "./state/run-state.ts";
import type { Keeping, KeepOptions } from "./state/run-state.ts";
import type { OpenState } from "./state/open-state.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import { VersionFiles } from "./versions/version-store.ts";
import { Versions } from "./versions/versions.ts";
import { Trainer } from "./trainer/trainer.ts";
import type { TrainerOptions } from "./trainer/trainer.ts";

export interface CoreOptions extends Omit<ShardSetOptions, "clock" | "telemetry"> {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly alerts: Alerts;
  readonly store: DetectorStore;
  readonly serverRequestsMax: number;
  readonly requestRowsMax: number;
  readonly trainerThreads: number;
  /** Memory of one trainer thread, bytes: reserved as address space, used as it is touched. */
  readonly trainerMemoryBytes: number;
  /** Trainings that may wait for a thread. */
  readonly trainerQueueMax: number;
  readonly log: ShardSetOptions["log"] & TrainerOptions["log"];
  /** State that was brought back, and the journal that goes on with it; absent = nothing is kept. */
  readonly state?: OpenState | undefined;
  /** Whether a verdict of the model waits for its rows to be on disk; absent = as `keeps` says, else it does. */
  readonly acknowledges?: boolean;
  /** With `state`: where it is, and how it is kept. */
  readonly keeps?: Omit<KeepOptions, "log" | "memoryBytes">;
}

/** Weir without its transports: what scores, and what it scores for. */
export interface Core {
  /** The compiled kernel. */
  readonly module: WebAssembly.Module;
  readonly shards: ShardSet;
  readonly detectors: Detectors;
  readonly admission: Admission;
  readonly discovery: Discovery;
  /** Who reads features out of the shards. */
  readonly features: FeatureReader;
  /** Threads that train models, and threads that score with models which lie in no shard. */
  readonly models: ModelThreads;
  readonly trainer: Trainer;
  readonly shadows: Shadows;
  readonly versions: Versions;
  /** Undefined = nothing is kept. */
  readonly keeping: Keeping | undefined;
  /** Ends the threads. Whatever is in flight is not waited for. */
  close(): Promise<void>;
}

/** Builds shards, detectors and admission, with the gate of admission still shut. */
export async function createCore(options: CoreOptions): Promise<Core> {
  checkLimits();
  const { alerts, clock, state, store, telemetry } = options;
  const module = await compileModule(options.modulePath);
  const shards = await ShardSet.start(state === undefined ? options : withState(options, state));
  const journal = state?.journal;
  const acknowledges = doesAcknowledge(options);
  const keeping = keepingOf(options, module, shards);
  const models = new ModelThreads({
    module,
    trainerThreads: options.trainerThreads,
    memoryBytes: options.trainerMemoryBytes,
    queueMax: options.trainerQueueMax,
    log: options.log,
  });
  const trainer = new Trainer({
    shards,
    pool: models,
    threads: options.trainerThreads,
    bounds: { trainingsMax: options.trainerQueueMax, bytesMax: limits.trainerQueueBytesMax },
    detectorAt: (slot) => detectors.at(slot),
    telemetry,
    clock,
    log: options.log,
  });
  const detectors = new Detectors({ shards, store, telemetry, trainer, journal });
  const admission = new Admission({
    shards,
    find: (name) => detectors.find(name),
    alerts,
    telemetry,
    clock,
    failed: (error) => options.log.error({ err: error }, "a reply failed"),
    requestsMax: options.serverRequestsMax,
    requestRowsMax: options.requestRowsMax,
    journal,
    acknowledges,
  });
  const discovery = new Discovery({
    settle: (detector, inputs, fill) => detectors.settle(detector, inputs, fill),
    submit: (detector, request, call, reply) =>
      admission.submitTo(admission.runtimeOf(detector), request, call, reply),
    clock,
    journal,
    acknowledges,
    failed: (error) => options.log.error({ err: error }, "a detector could not be made"),
  });
  admission.discoverWith(discovery);
  detectors.observe(admission, discovery);
  const beside = standBeside(options, { shards, admission, detectors, keeping });
  const features = new ShardFeatures({
    shards,
    find: (name) => detectors.find(name),
    admission,
    telemetry,
    clock,
    failed: (error) => options.log.error({ err: error }, "a reply failed"),
  });
  if (keeping !== undefined) goOnAfterFailures(keeping, { shards, detectors, log: options.log });
  const close = async (): Promise<void> => {
    trainer.close();
    await beside.versions.close();
    keeping?.guard.close();
    await keeping?.keeper.close();
    await Promise.all([models.close(), shards.close()]);
    await journal?.close();
  };
  const parts = { module, shards, detectors, admission, discovery, features, models, trainer };
  return { ...parts, ...beside, keeping, close };
}

function withState(options: CoreOptions, state: OpenState): ShardSetOptions {
  const { journal, memories } = state;
  const rebuild: OpenState["rebuild"] = (shard, until) => state.rebuild(shard, until);
  return { ...options, shards: memories.length, journal, memories, rebuild };
}

function doesAcknowledge({ acknowledges, keeps, state }: CoreOptions): boolean {
  return state !== undefined && (acknowledges ?? keeps?.settings.durability !== "relaxed");
}

function keepingOf(
  { keeps, log, shardMemoryBytes, state }: CoreOptions,
  module: WebAssembly.Module,
  shards: ShardSet,
): Keeping | undefined {
  if (state === undefined || keeps === undefined) return undefined;
  return keep(state, { module, shards }, { ...keeps, memoryBytes: shardMemoryBytes, log });
}

/** Shadows and versions, which see what is admitted to the detectors. */
function standBeside(
  { clock, keeps, log }: CoreOptions,
  {
    shards,
    admission,
    detectors,
    keeping,
  }: Pick<Core, "shards" | "admission" | "detectors" | "keeping">,
): Pick<Core, "shadows" | "versions"> {
  const shared = { workshop: detectors, admission, shards, clock };
  const shadows = new Shadows({
    ...shared,
    promoted: (live, shadow) => versions.promoted(live, shadow),
  });
  const isKept = keeping !== undefined && keeps !== undefined;
  const versions = new Versions({
    ...shared,
    shadows,
    kept: keeps?.settings.versionsKept ?? limits.versionsKept,
    store: isKept ? new VersionFiles({ data: keeps.data, shards, ...keeping }) : undefined,
    log,
  });
  admission.showTo(shadows);
  detectors.standBeside(versions);
  return { shadows, versions };
}

/** What the shards went back on when the journal failed, the rest of the server goes back on when it can be written again. */
function goOnAfterFailures(
  { guard }: Keeping,
  { shards, detectors, log }: Pick<Core, "shards" | "detectors"> & Pick<CoreOptions, "log">,
): void {
  guard.onWentBack = () => detectors.goBack();
  guard.onResumed = () => {
    shards.goOn();
    shards.windowModels.dropTaken().catch((error: unknown) => {
      log.error({ err: error }, "trainings that came to nothing could not be dropped");
    });
    // What encodings learned from rows that came to nothing they know all the same: codes were given out since.
    detectors.tellEncodings();
  };
}
