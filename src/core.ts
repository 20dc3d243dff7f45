import { Admission } from "./admission/admission.ts";
import type { Alerts } from "./alerts/alerts.ts";
import { Detectors } from "./control/detectors.ts";
import type { DetectorStore } from "./control/detector-store.ts";
import { Discovery } from "./discovery/discovery.ts";
import type { Clock } from "./domain/clock.ts";
import { checkLimits } from "./shard/check-limits.ts";
import { ShardSet } from "./shard/shard-set.ts";
import type { ShardSetOptions } from "./shard/shard-set.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

export interface CoreOptions extends Omit<ShardSetOptions, "clock" | "telemetry"> {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly alerts: Alerts;
  readonly store: DetectorStore;
  readonly serverRequestsMax: number;
  readonly requestRowsMax: number;
}

/** Weir without its transports: what scores, and what it scores for. */
export interface Core {
  readonly shards: ShardSet;
  readonly detectors: Detectors;
  readonly admission: Admission;
  readonly discovery: Discovery;
  /** Ends the threads. Whatever is in flight is not waited for. */
  close(): Promise<void>;
}

/** Builds shards, detectors and admission, with the gate of admission still shut. */
export async function createCore(options: CoreOptions): Promise<Core> {
  checkLimits();
  const { alerts, clock, store, telemetry } = options;
  const shards = await ShardSet.start(options);
  const detectors = new Detectors({ shards, store, telemetry });
  const admission = new Admission({
    shards,
    find: (name) => detectors.find(name),
    alerts,
    telemetry,
    clock,
    failed: (error) => options.log.error({ err: error }, "a reply failed"),
    requestsMax: options.serverRequestsMax,
    requestRowsMax: options.requestRowsMax,
  });
  const discovery = new Discovery({
    settle: (detector, inputs, fill) => detectors.settle(detector, inputs, fill),
    submit: (detector, request, call, reply) =>
      admission.submitTo(admission.runtimeOf(detector), request, call, reply),
    clock,
    failed: (error) => options.log.error({ err: error }, "a detector could not be made"),
  });
  admission.discoverWith(discovery);
  detectors.observe(admission, discovery);
  return { shards, detectors, admission, discovery, close: () => shards.close() };
}
