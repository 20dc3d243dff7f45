import { createAlerts } from "../../src/alerts/hub.ts";
import type { AlertHub } from "../../src/alerts/hub.ts";
import type { DetectorStore } from "../../src/control/detector-store.ts";
import { createCore } from "../../src/core.ts";
import type { Core, CoreOptions } from "../../src/core.ts";
import { limits } from "../../src/config/limits.ts";
import { normalizeSpec } from "../../src/config/detector-spec.ts";
import { systemClock } from "../../src/domain/clock.ts";
import type { WeirError } from "../../src/domain/errors.ts";
import type { EventInput, FrameInput, ScoreRequest } from "../../src/domain/event.ts";
import type { Verdicts } from "../../src/domain/verdict.ts";
import { releaseModulePath } from "../../src/shard/module.ts";
import { noTelemetry } from "../../src/telemetry/no-telemetry.ts";

const noStore: DetectorStore = {
  load: () => Promise.resolve(new Map()),
  save: () => Promise.resolve(),
};

export interface TestCore extends Core {
  readonly alerts: AlertHub;
}

/** A core with its gate open and small memories; whatever a test wants otherwise is given. */
export async function startCore(options: Partial<CoreOptions> = {}): Promise<TestCore> {
  const alerts = createAlerts(
    { watchersMax: limits.watchersMax, watcherAlertsMax: limits.watcherAlertsMax },
    () => undefined,
  );
  const core = await createCore({
    modulePath: process.env["WEIR_TEST_KERNEL"] ?? releaseModulePath,
    shards: 2,
    threads: 1,
    shardMemoryBytes: 256 * 1024 * 1024,
    inlineWorkMax: 64,
    clock: systemClock,
    telemetry: noTelemetry,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    trainerThreads: 1,
    trainerMemoryBytes: 512 * 1024 * 1024,
    trainerQueueMax: limits.trainerQueueMax,
    alerts,
    store: noStore,
    serverRequestsMax: limits.serverRequestsMax,
    requestRowsMax: limits.requestRowsMax,
    ...options,
  });
  core.admission.gate = "open";
  return { ...core, alerts };
}

/** An event with everything absent but what is given. */
export function event(given: {
  readonly id?: string;
  readonly key?: string;
  readonly timeUnixMs?: number;
  readonly numbers?: Readonly<Record<string, number>>;
  readonly categories?: Readonly<Record<string, string>>;
  readonly values?: readonly number[];
  readonly systemAction?: string;
}): EventInput {
  return {
    id: given.id ?? "",
    key: given.key ?? "",
    timeUnixMs: given.timeUnixMs ?? 0,
    numbers: new Map(Object.entries(given.numbers ?? {})),
    categories: new Map(Object.entries(given.categories ?? {})),
    values: given.values ?? [],
    systemAction: given.systemAction ?? "",
  };
}

const empty = new Uint8Array(0);

/** A frame of rows x columns with one key a row. */
export function frame(rows: readonly (readonly number[])[], keys: readonly string[]): FrameInput {
  const distinct = [...new Set(keys)];
  return {
    rows: rows.length,
    values: new Uint8Array(Float64Array.from(rows.flat()).buffer),
    keys: distinct,
    keyIndex: new Uint8Array(Uint32Array.from(keys, (key) => distinct.indexOf(key)).buffer),
    timesUnixMs: empty,
    ids: [],
    schema: 0,
    categories: [],
    categoryIndex: empty,
    systemActions: [],
    systemActionIndex: empty,
  };
}

export function request(
  given: Partial<ScoreRequest> & { readonly detector: string },
): ScoreRequest {
  return { events: [], frame: undefined, mode: 0, timeoutMs: 0, explain: false, ...given };
}

/** Submits and waits for the reply; a refusal or a failure rejects. */
export function submit(core: Core, toSubmit: ScoreRequest): Promise<Verdicts> {
  return new Promise((resolve, reject) => {
    core.admission.submit(
      toSubmit,
      {
        receivedAt: systemClock.now(),
        deadline: Number.POSITIVE_INFINITY,
        transport: "grpc_stream",
        traceparent: undefined,
      },
      { answer: resolve, fail: (error: WeirError) => reject(error) },
    );
  });
}

/** Creates a detector from the JSON mapping of its specification. */
export async function createDetector(core: Core, name: string, spec: unknown): Promise<void> {
  await core.detectors.create(name, normalizeSpec(spec));
}
