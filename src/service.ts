import { join } from "node:path";
import type { Logger } from "pino";
import { createAlerts } from "./alerts/hub.ts";
import type { AlertHub } from "./alerts/hub.ts";
import { createWebhook, webhookDefaults } from "./alerts/webhook.ts";
import type { Webhook } from "./alerts/webhook.ts";
import { Buffers } from "./buffers/buffers.ts";
import { FeatureFrames } from "./buffers/features.ts";
import { limits } from "./config/limits.ts";
import type { ResolvedOptions } from "./config/options.ts";
import { openDetectorStore } from "./control/detector-store.ts";
import type { OpenDetectorStore } from "./control/detector-store.ts";
import { BoundedOperations } from "./control/bounded-operations.ts";
import { IdleDetectors } from "./control/idle-detectors.ts";
import { createCore } from "./core.ts";
import type { Core, CoreOptions } from "./core.ts";
import { systemClock } from "./domain/clock.ts";
import type { WeirError } from "./domain/errors.ts";
import { FittedModels } from "./fitted/fitted-models.ts";
import { createOperations } from "./operations.ts";
import { releaseModulePath } from "./shard/module.ts";
import { resizeShards, stateGauges, stateOf } from "./state/run-state.ts";
import { createLogger } from "./telemetry/log.ts";
import { createTelemetry, telemetryDefaults } from "./telemetry/create-telemetry.ts";
import type { TelemetryService } from "./telemetry/create-telemetry.ts";
import { noTelemetry } from "./telemetry/no-telemetry.ts";
import { createGrpcServer } from "./transport/grpc/server.ts";
import type { GrpcParts } from "./transport/grpc/parts.ts";
import type { GrpcTransport } from "./transport/grpc/server.ts";
import { createHttpServer } from "./transport/http/server.ts";
import type { HttpTransport } from "./transport/http/server.ts";
import { version } from "./version.ts";
import { redeclare } from "./versions/redeclare.ts";
import { warmUp } from "./warm-up.ts";

/** A running Weir. */
export interface Service {
  readonly grpcPort: number;
  /** Undefined = HTTP is off. */
  readonly httpPort: number | undefined;
  /** For tests that reach into it: threads to kill, queues to look at. */
  readonly core: Core;
  /** Takes no new work, answers everything admitted, ends streams with OK, stops. Resolves to whether all of it ended in time. */
  stop(): Promise<boolean>;
}

/**
 * A ping after a minute of silence keeps streams through NATs and load balancers, which forget connections after 350 s at the
 * earliest; 20 s without an answer is a dead peer.
 */
const keepalive = { timeMs: 60_000, timeoutMs: 20_000 } as const;

/** Builds every part in order and starts it: serving, and warm, when it resolves. `modulePath` is the kernel's. */
export async function startService(
  options: ResolvedOptions,
  logger: Logger = createLogger({ level: options.log.level }),
  modulePath: string = releaseModulePath,
): Promise<Service> {
  const cleanUp: (() => unknown)[] = [];
  try {
    return await startParts({ options, logger, modulePath }, cleanUp);
  } catch (error) {
    for (const undo of cleanUp.toReversed()) {
      try {
        await undo();
      } catch (thrown) {
        logger.warn({ err: thrown }, "a part could not be stopped");
      }
    }
    throw error;
  }
}

/** Whatever is started puts what undoes it into `cleanUp`. */
async function startParts(
  start: {
    readonly options: ResolvedOptions;
    readonly logger: Logger;
    readonly modulePath: string;
  },
  cleanUp: (() => unknown)[],
): Promise<Service> {
  const { options, logger, modulePath } = start;
  const store = await openDetectorStore(options.dataDirectory);
  cleanUp.push(() => store.close());
  const telemetry = telemetryOf(options);
  cleanUp.push(() => telemetry.shutdown());
  const alerts = createAlerts(options.limits, (lost) => telemetry.alertsLost(lost));
  const coreOptions = {
    modulePath,
    shards: options.shards,
    threads: options.threads,
    shardMemoryBytes: options.shardMemoryBytes,
    inlineWorkMax: options.inlineRowsMax,
    clock: systemClock,
    telemetry,
    alerts,
    log: logger,
    store,
    serverRequestsMax: options.limits.serverRequestsMax,
    requestRowsMax: options.limits.requestRowsMax,
    trainerThreads: options.trainer.threads,
    trainerMemoryBytes: options.trainer.memoryBytes,
    trainerQueueMax: options.trainer.queueMax,
  };
  // First, since it tells what is wrong with the data directory.
  const state = await stateOf(options, logger, modulePath);
  cleanUp.push(() => state?.journal.close());
  await rehearse(coreOptions, { alerts, telemetry, limits: options.limits });
  const keeps = { data: options.dataDirectory, settings: options.state };
  const core = await createCore({ ...coreOptions, state, keeps });
  cleanUp.push(() => core.close());
  if (state !== undefined) await resizeShards(core, state, options.shardMemoryBytes);
  const changed = await core.detectors.restore(options.detectors, state?.recovered);
  for (const [name, config] of changed) await redeclare(core, { name, config }, logger);
  const webhook = webhookOf(options, { alerts, telemetry, logger });
  if (webhook !== undefined) cleanUp.push(() => webhook.stop(0));
  return listen({ options, logger, telemetry, alerts, core, webhook, store }, cleanUp);
}

/** Of a shard that only rows of the warm-up go through. */
const REHEARSAL_BYTES = 64 * 1024 * 1024;

/** Warms the code on an event's way with a core of its own: what is served from later never knows of it. */
async function rehearse(
  options: CoreOptions,
  {
    alerts,
    telemetry,
    limits: bounds,
  }: {
    readonly alerts: AlertHub;
    readonly telemetry: TelemetryService;
    readonly limits: ResolvedOptions["limits"];
  },
): Promise<void> {
  const core = await createCore({ ...options, shardMemoryBytes: REHEARSAL_BYTES });
  const parts = {
    scorer: core.admission,
    features: core.features,
    registry: core.detectors,
    alerts,
    telemetry,
    clock: systemClock,
    failed: (error: WeirError) => options.log.error({ err: error }, "the warm-up failed"),
  };
  try {
    await warmUp({ core, parts, limits: bounds });
  } finally {
    await core.close();
  }
}

interface Running {
  readonly options: ResolvedOptions;
  readonly logger: Logger;
  readonly telemetry: TelemetryService;
  readonly alerts: AlertHub;
  readonly core: Core;
  readonly webhook: Webhook | undefined;
  readonly store: OpenDetectorStore;
}

/** Opens the ports, warms up, and only then serves. */
async function listen(running: Running, cleanUp: (() => unknown)[]): Promise<Service> {
  const { options, logger, telemetry, alerts, core } = running;
  const { keeping } = core;
  const operations = operationsOf(running);
  const beside = options.admin === "same" ? { operations } : {};
  const parts = {
    ...beside,
    scorer: core.admission,
    features: core.features,
    registry: core.detectors,
    alerts,
    telemetry,
    clock: systemClock,
    failed: (error: WeirError) => logger.error({ err: error.cause ?? error }, "internal error"),
  };
  const grpc = createGrpcServer(
    { address: addressText(options.grpc), tls: options.tls, keepalive, limits: options.limits },
    parts,
  );
  cleanUp.push(() => grpc.close());
  const { port: grpcPort } = await grpc.listen();
  const admin = await startAdmin(running, { ...parts, operations });
  if (admin !== undefined) cleanUp.push(() => admin.close());
  const http = await startHttp(running, beside);
  if (http !== undefined) cleanUp.push(() => http.transport.close());
  telemetry.observe(() => ({
    queueRows: core.shards.queuedRows,
    requestsInFlight: core.admission.inFlight,
    streams: grpc.streams,
    watchers: alerts.watchers,
    trainings: core.trainer.queued,
    state: keeping === undefined ? undefined : stateGauges(keeping),
    shadows: core.shadows.gauges(),
    detectors: core.detectors.list().map((detector) => {
      const { keys, stateBytes, modelVersion, features } = core.detectors.status(detector);
      return { name: detector.name, keys, stateBytes, modelVersion, features };
    }),
  }));
  telemetry.startOver();
  telemetry.logEveryMinute(logger);
  core.admission.gate = "open";
  grpc.setServing(true);
  admin?.setServing(true);
  if (keeping !== undefined) {
    keeping.guard.onChange = (learning) => grpc.setLearning(learning);
    grpc.setLearning(!keeping.journal.failed);
  }
  http?.transport.setServing(true);
  const idle = idleDetectorsOf(running);
  const shards = core.shards.shards.length;
  const detectors = core.detectors.list().length;
  logger.info({ grpcPort, httpPort: http?.port, shards, detectors }, "serving");
  let stopping: Promise<boolean> | undefined;
  return {
    grpcPort,
    httpPort: http?.port,
    core,
    stop() {
      idle.close();
      admin?.close();
      return (stopping ??= stop(running, grpc, http?.transport));
    },
  };
}

/** The operations on an address of their own. */
async function startAdmin(
  { options }: Running,
  parts: GrpcParts,
): Promise<GrpcTransport | undefined> {
  const { admin, tls } = options;
  if (admin === undefined || admin === "same") return undefined;
  const transport = createGrpcServer(
    { address: addressText(admin), tls, keepalive, limits: options.limits, adminOnly: true },
    parts,
  );
  await transport.listen();
  return transport;
}

function operationsOf({ options, core }: Running): BoundedOperations {
  const operations = createOperations({
    ...core,
    data: options.dataDirectory,
    durability: options.state.durability,
    shards: core.shards.shards.length,
    settled: () => core.shards.settled,
  });
  return new BoundedOperations(operations, limits, systemClock);
}

function idleDetectorsOf({ options, core, logger }: Running): IdleDetectors {
  return new IdleDetectors({
    registry: core.detectors,
    ttlMs: options.streamingDetectorTtlMs,
    keep: new Set(options.detectors.keys()),
    isShadow: ({ name }) => core.shadows.known(name) !== undefined,
    clock: systemClock,
    log: logger,
  });
}

async function startHttp(
  running: Running,
  beside: { readonly operations?: BoundedOperations },
): Promise<{ readonly transport: HttpTransport; readonly port: number } | undefined> {
  const { options, logger, telemetry, alerts, core } = running;
  if (options.http === undefined) return undefined;
  const transport = await createHttpServer(
    {
      host: options.http.host,
      port: options.http.port,
      limits: { ...options.limits, messageBytesMax: options.limits.httpBodyBytesMax },
      version,
    },
    {
      ...beside,
      scorer: core.admission,
      features: core.features,
      registry: core.detectors,
      alerts,
      telemetry,
      learning: () => core.keeping?.journal.failed !== true,
      metricsText: () => telemetry.metricsText(),
      stats: () => telemetry.stats(),
      clock: systemClock,
      logger,
      streaming: {
        discovery: core.discovery,
        whenTrained: (detector) => core.trainer.whenTrained(detector),
      },
      rowBuffers: {
        buffers: new Buffers(systemClock, limits.bufferIdleMsMax),
        frames: new FeatureFrames(core.module),
      },
      fitted: await FittedModels.open({
        directory: join(options.dataDirectory, "models"),
        trainer: core.models,
        scorer: core.models,
        clock: systemClock,
        version,
      }),
    },
  );
  const { port } = await transport.listen();
  return { transport, port };
}

/** The drain: everything that is waited for shares one deadline. */
async function stop(
  running: Running,
  grpc: GrpcTransport,
  http: HttpTransport | undefined,
): Promise<boolean> {
  const { options, logger, telemetry, core, webhook, store } = running;
  const deadline = systemClock.now() + options.drainTimeoutMs;
  const left = (): number => Math.max(0, deadline - systemClock.now());
  logger.info({ inFlight: core.admission.inFlight }, "draining");
  core.admission.gate = "draining";
  const drained = await Promise.all([grpc.drain(left()), http?.drain(left()) ?? true]);
  const ended = drained.every(Boolean);
  await webhook?.stop(left());
  await http?.close();
  await core.close();
  await store.close();
  await telemetry.shutdown();
  logger.info({ ended }, "stopped");
  return ended;
}

function telemetryOf({ telemetry }: ResolvedOptions): TelemetryService {
  if (!telemetry.enabled) return noTelemetry;
  return createTelemetry(
    {
      ...telemetryDefaults,
      version,
      otlpEndpoint: telemetry.otlpEndpoint,
      otlpIntervalMs: telemetry.metricsIntervalMs,
      traceRatio: telemetry.traceSampleRatio,
    },
    systemClock,
  );
}

function webhookOf(
  { webhook, limits: bounds }: ResolvedOptions,
  parts: {
    readonly alerts: AlertHub;
    readonly telemetry: TelemetryService;
    readonly logger: Logger;
  },
): Webhook | undefined {
  if (webhook === undefined) return undefined;
  return createWebhook(
    { ...webhookDefaults, ...webhook, queueAlertsMax: bounds.webhookAlertsMax },
    {
      alerts: parts.alerts,
      clock: systemClock,
      logger: parts.logger,
      onLost: (lost) => parts.telemetry.alertsLost(lost),
    },
  );
}

function addressText({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
