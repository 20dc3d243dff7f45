import type { IncomingHttpHeaders } from "node:http";
import swagger from "@fastify/swagger";
import { fastify, type FastifyInstance, type FastifyReply } from "fastify";
import { Code, type WeirError } from "../../domain/errors.ts";
import { adminRoutes } from "./admin.ts";
import { AlertStreams, alertRoutes } from "./alerts.ts";
import { detectorRoutes } from "./detectors.ts";
import {
  answerClientError,
  fromThrown,
  methodNotAllowed,
  notFound,
  pathOf,
  sendProblem,
  unsupportedMediaType,
} from "./errors.ts";
import { featureRoutes } from "./features.ts";
import { Gate } from "./gate.ts";
import { sendError } from "./llamafarm/errors.ts";
import { speaksDetail } from "./llamafarm/parts.ts";
import { llamafarmRoutes } from "./llamafarm/routes.ts";
import { openapiOptions } from "./openapi.ts";
import { operationRoutes } from "./operations.ts";
import type { HttpLimits, HttpParts } from "./parts.ts";
import { RouteTable } from "./route-table.ts";
import { scoringRoutes } from "./scoring.ts";

/** Where HTTP listens, and its bounds. */
export interface HttpOptions {
  readonly host: string;
  /** 0 = a free one. */
  readonly port: number;
  readonly limits: HttpLimits;
  /** Weir's own, for the OpenAPI document. */
  readonly version: string;
}

/** Weir over HTTP. */
export interface HttpTransport {
  /** Binds; rejects when the address is taken. Only health, metrics and statistics answer until `setServing(true)`. */
  listen(): Promise<{ readonly port: number }>;
  /** Whether work is taken: false while warming up. */
  setServing(serving: boolean): void;
  /**
   * Takes no more work (readiness answers 503, requests are refused with DRAINING), ends alert streams, and resolves when
   * every answer to what was admitted has left, or after `timeoutMs`: to whether they have. Health still answers.
   */
  drain(timeoutMs: number): Promise<boolean>;
  /** Closes the port and all connections; what is still being written gets a moment to leave. */
  close(): Promise<void>;
}

/** How long refusals and alert streams that are still being written keep `close` waiting, ms. */
const lastWordsMs = 250;

/** A path's names are at most 128 bytes, three characters each when percent-encoded. */
const pathPartCharsMax = 512;

export async function createHttpServer(
  options: HttpOptions,
  parts: HttpParts,
): Promise<HttpTransport> {
  const gate = new Gate();
  const streams = new AlertStreams();
  const app = await build(options, parts, gate, streams);
  return {
    async listen() {
      await app.listen({ host: options.host, port: options.port });
      const address = app.server.address();
      return { port: address === null || typeof address === "string" ? 0 : address.port };
    },
    setServing: (serving) => gate.setServing(serving),
    async drain(timeoutMs) {
      gate.drain();
      streams.end();
      const late = Promise.withResolvers<boolean>();
      const cancel = parts.clock.after(timeoutMs, () => late.resolve(false));
      const inTime = await Promise.race([gate.idle().then(() => true), late.promise]);
      cancel();
      return inTime;
    },
    async close() {
      gate.drain();
      streams.end();
      const cancel = parts.clock.after(lastWordsMs, () => app.server.closeAllConnections());
      await app.close();
      cancel();
    },
  };
}

async function build(
  options: HttpOptions,
  parts: HttpParts,
  gate: Gate,
  streams: AlertStreams,
): Promise<FastifyInstance> {
  const { limits } = options;
  const app: FastifyInstance = fastify({
    // Its own logger costs a child per request; what matters is logged here.
    logger: false,
    bodyLimit: limits.messageBytesMax,
    requestTimeout: limits.httpRequestTimeoutMs,
    routerOptions: { maxParamLength: pathPartCharsMax },
    http: {
      maxHeaderSize: limits.httpHeaderBytesMax,
      // Node looks for late requests only every 30 s.
      connectionsCheckingInterval: Math.ceil(limits.httpRequestTimeoutMs / 6),
    },
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply) => {
      answerError(reply, fromThrown(error, limits.messageBytesMax));
    },
  });
  app.server.maxConnections = limits.httpConnectionsMax;
  takeJsonOnly(app);
  await app.register(swagger, openapiOptions(options.version));
  const table = new RouteTable();
  app.addHook("onRoute", (route) => table.add(route.method, route.url));
  answerErrors(app, parts, gate, limits.messageBytesMax);
  answerUnknownPaths(app, table);
  scoringRoutes(app, parts, gate);
  featureRoutes(app, parts, gate);
  detectorRoutes(app, parts, gate);
  alertRoutes(app, parts, gate, streams);
  if (parts.operations !== undefined) adminRoutes(app, parts, gate, parts.operations);
  operationRoutes(app, parts, gate);
  llamafarmRoutes(app, { ...parts, gate });
  await app.ready();
  return app;
}

/** Bodies stay bytes until a handler reads them, each in its own way. */
function takeJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    if (isEncoded(request.headers)) done(unsupportedMediaType());
    else done(null, body);
  });
}

function isEncoded(headers: IncomingHttpHeaders): boolean {
  const encoding = headers["content-encoding"];
  return encoding !== undefined && encoding !== "identity";
}

/** Everything that was thrown before an answer: refusals are counted, failures of our own are logged. */
function answerErrors(
  app: FastifyInstance,
  parts: HttpParts,
  gate: Gate,
  bodyBytesMax: number,
): void {
  app.setErrorHandler((thrown, request, reply) => {
    const error = fromThrown(thrown, bodyBytesMax);
    parts.telemetry.refused("http", error.reason);
    logInternal(error, parts, `${request.method} ${pathOf(request.url)}`);
    closeWhenDraining(reply, gate);
    answerError(reply, error);
  });
}

function logInternal(error: WeirError, parts: HttpParts, request: string): void {
  if (error.code !== Code.INTERNAL) return;
  parts.logger.error({ err: error.cause ?? error, request }, "HTTP request failed");
}

/** So that a client's next request goes to another server. */
function closeWhenDraining(reply: FastifyReply, gate: Gate): void {
  if (gate.state === "draining") reply.header("connection", "close");
}

function answerUnknownPaths(app: FastifyInstance, table: RouteTable): void {
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request.url);
    const allowed = table.methodsAt(path);
    if (allowed.length === 0) {
      answerError(reply, notFound(path));
      return;
    }
    reply.header("allow", allowed.join(", "));
    answerError(reply, methodNotAllowed(request.method, allowed));
  });
}

/** In the form of the path that was asked for. */
function answerError(reply: FastifyReply, error: WeirError): void {
  if (speaksDetail(pathOf(reply.request.url))) sendError(reply, error);
  else sendProblem(reply, error);
}
