import {
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServerOptions,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";
import { adminHandlers } from "./admin.ts";
import {
  loadContract,
  scoreStreamPath,
  serverDefinition,
  serviceNames,
  streamFeaturesPath,
  type ServiceName,
} from "./definitions.ts";
import { detectorHandlers } from "./detectors.ts";
import { FeatureStream } from "./feature-stream.ts";
import { getFeaturesHandler } from "./features.ts";
import { Listener } from "./listener.ts";
import { OpenCalls } from "./open-calls.ts";
import type { GrpcLimits, GrpcParts } from "./parts.ts";
import { reflectedPackage } from "./reflection.ts";
import { scoreHandler } from "./score.ts";
import type { RequestStream, StreamHost } from "./request-stream.ts";
import { ScoreStream } from "./score-stream.ts";
import { watchAlertsHandler } from "./watch-alerts.ts";
import { widenWindows } from "./windows.ts";

export type { GrpcLimits, GrpcParts } from "./parts.ts";

/** How the server listens. */
export interface GrpcOptions {
  /** `host:port`; port 0 = any free one. IPv6 hosts in brackets. */
  readonly address: string;
  /** PEM contents; undefined = plain text. With `clientCa` every client must show a certificate that it signed. */
  readonly tls:
    | { readonly cert: Buffer; readonly key: Buffer; readonly clientCa: Buffer | undefined }
    | undefined;
  /** A ping on a connection that has been silent for `timeMs`; no answer within `timeoutMs` ends it. */
  readonly keepalive: { readonly timeMs: number; readonly timeoutMs: number };
  readonly limits: GrpcLimits;
  /** Serve AdminService alone; default false. */
  readonly adminOnly?: boolean;
}

/** The gRPC side of a running server. */
export interface GrpcTransport {
  /** Binds; rejects with the address in the message when it cannot. */
  listen(): Promise<{ readonly port: number }>;
  /** What health checks say, of the server and of each service; false until this is called. */
  setServing(serving: boolean): void;
  /** What a health check of `learningService` says: whether events teach. Apart from the others, which go on being served. */
  setLearning(learning: boolean): void;
  /**
   * Refuses new work with UNAVAILABLE, answers everything admitted, ends streams with OK, then closes. After `timeoutMs` what is left
   * is cut off. Resolves to whether all of it ended by itself.
   */
  drain(timeoutMs: number): Promise<boolean>;
  /** Cuts everything off now. */
  close(): void;
  /** Streams of requests that are open. */
  readonly streams: number;
  /** Open WatchAlerts calls. */
  readonly watchers: number;
  /** Answers that readers of these streams have not taken yet, bytes: the sum and the largest. */
  readonly bufferedBytes: { readonly total: number; readonly max: number };
}

/**
 * Above the streams that are taken: room for unary calls, health checks, and for the refusal of one stream too many, which a client
 * that waits for HTTP/2's own limit would never see.
 */
const spareStreams = 64;

/** After a drain, connections that have nothing left to send get this long to hang up. */
const hangUpMs = 1000;

/** A name of the health protocol that is no service: NOT_SERVING while the journal cannot be written. */
const learningService = "learning";

/** Builds the server; nothing listens yet. */
export function createGrpcServer(options: GrpcOptions, parts: GrpcParts): GrpcTransport {
  return new GrpcServer(options, parts);
}

class GrpcServer implements GrpcTransport {
  readonly #listener: Listener;
  readonly #server: Server;
  readonly #health = new HealthImplementation();
  readonly #services: readonly ServiceName[];
  readonly #host;

  constructor(options: GrpcOptions, parts: GrpcParts) {
    this.#host = {
      parts,
      limits: options.limits,
      calls: new OpenCalls(),
      streams: new Set<RequestStream>(),
      watches: new Set<() => void>(),
      lasting: new Set<() => void>(),
      draining: false,
    };
    this.#server = new Server(serverOptions(options, this.#host));
    this.#services = servicesOf(options, parts);
    this.#addServices(parts);
    this.#health.addToServer(this.#server);
    const listed = [...this.#services, ...ownServices];
    new ReflectionService(reflectedPackage(), { services: listed }).addToServer(this.#server);
    const injector = this.#server.createConnectionInjector(credentials(options.tls));
    this.#listener = new Listener(options.address, (socket) => injector.injectConnection(socket));
    this.setServing(false);
    this.setLearning(true);
  }

  get streams(): number {
    return this.#host.streams.size;
  }

  get watchers(): number {
    return this.#host.watches.size;
  }

  get bufferedBytes(): { total: number; max: number } {
    const bytes = Array.from(this.#host.streams, (stream) => stream.bufferedBytes);
    return { total: bytes.reduce((sum, one) => sum + one, 0), max: Math.max(0, ...bytes) };
  }

  listen(): Promise<{ readonly port: number }> {
    return this.#listener.listen();
  }

  setServing(serving: boolean): void {
    for (const name of ["", ...this.#services]) {
      this.#health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
    }
  }

  setLearning(learning: boolean): void {
    this.#health.setStatus(learningService, learning ? "SERVING" : "NOT_SERVING");
  }

  async drain(timeoutMs: number): Promise<boolean> {
    const deadline = Date.now() + timeoutMs;
    this.#host.draining = true;
    this.setServing(false);
    for (const stream of this.#host.streams) stream.finish();
    for (const end of this.#host.watches) end();
    for (const breakOff of this.#host.lasting) breakOff();
    const answered = await within(this.#host.calls.answered(), deadline);
    this.#host.calls.endLasting();
    const stopped = this.#listener.stop();
    this.#server.tryShutdown(() => undefined);
    if (answered && !(await within(stopped, Math.min(deadline, Date.now() + hangUpMs)))) {
      this.#listener.destroyIdle();
    }
    const closed = await within(stopped, deadline);
    this.close();
    return answered && closed;
  }

  close(): void {
    this.#listener.destroy();
    this.#server.forceShutdown();
  }

  #addServices(parts: GrpcParts): void {
    const contract = loadContract();
    const add = (name: ServiceName, handlers: UntypedServiceImplementation): void => {
      if (!this.#services.includes(name)) return;
      this.#server.addService(serverDefinition(contract, name), handlers);
    };
    add("weir.v1.ScoringService", {
      Score: scoreHandler(this.#host),
      // The interceptor takes these calls before grpc-js makes a stream of them.
      ScoreStream: (call: { destroy(): void }) => call.destroy(),
      WatchAlerts: watchAlertsHandler(this.#host),
    });
    add("weir.v1.FeatureService", {
      GetFeatures: getFeaturesHandler(this.#host),
      StreamFeatures: (call: { destroy(): void }) => call.destroy(),
    });
    add("weir.v1.DetectorService", detectorHandlers(this.#host));
    if (parts.operations !== undefined) {
      add("weir.v1.AdminService", adminHandlers(this.#host, parts.operations));
    }
  }
}

/** Not of Weir's contract, on every server. */
const ownServices = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];

function servicesOf({ adminOnly = false }: GrpcOptions, parts: GrpcParts): readonly ServiceName[] {
  return serviceNames.filter((name) =>
    name === "weir.v1.AdminService" ? parts.operations !== undefined : !adminOnly,
  );
}

function serverOptions(options: GrpcOptions, host: StreamHost): ServerOptions {
  const { limits, keepalive } = options;
  const interceptor: ServerInterceptor = (method, call) => {
    const stream = streamOf(method.path, call, host);
    if (stream === undefined) return host.calls.watch(method, call);
    widenWindows(call);
    return new ServerInterceptingCall(call, { start: () => call.start(stream) });
  };
  return {
    "grpc.max_receive_message_length": limits.messageBytesMax,
    // Answers are bounded by what they answer; a refused answer would be work lost.
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": limits.connectionStreamsMax + spareStreams,
    "grpc.keepalive_time_ms": keepalive.timeMs,
    "grpc.keepalive_timeout_ms": keepalive.timeoutMs,
    // Counts every message for a debugging service that is not offered.
    "grpc.enable_channelz": 0,
    interceptors: [interceptor],
  };
}

/** Undefined where a method is grpc-js's to serve. */
function streamOf(
  path: string,
  call: ServerInterceptingCallInterface,
  host: StreamHost,
): RequestStream | undefined {
  if (path === scoreStreamPath) return new ScoreStream(call, host);
  return path === streamFeaturesPath ? new FeatureStream(call, host) : undefined;
}

function credentials(tls: GrpcOptions["tls"]): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pairs = [{ cert_chain: tls.cert, private_key: tls.key }];
  return ServerCredentials.createSsl(tls.clientCa ?? null, pairs, tls.clientCa !== undefined);
}

/** Whether it settled before `deadline` (Unix ms). */
async function within(work: Promise<void>, deadline: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadline - Date.now()), false);
  });
  const inTime = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}
