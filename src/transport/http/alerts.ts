import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import type { Watcher } from "../../alerts/alerts.ts";
import { alertJson } from "../../alerts/json.ts";
import type { Clock } from "../../domain/clock.ts";
import type { Gate } from "./gate.ts";
import { describe, readQuery } from "./openapi.ts";
import type { HttpParts } from "./parts.ts";
import { alertEvent, alertsQuery } from "./schemas.ts";

/** Often enough for proxies that end what is idle for 30 s; also how a reader that is gone is found out. */
const heartbeatMs = 15_000;

/** Open streams of alerts, to be ended when the server drains. */
export class AlertStreams {
  readonly #open = new Set<AlertStream>();

  add(stream: AlertStream): void {
    this.#open.add(stream);
  }

  delete(stream: AlertStream): void {
    this.#open.delete(stream);
  }

  /** What was found is still sent; then the streams end. */
  end(): void {
    for (const stream of this.#open) stream.end();
  }
}

/** GET /v1/alerts: server-sent events. */
export function alertRoutes(
  app: FastifyInstance,
  parts: HttpParts,
  gate: Gate,
  streams: AlertStreams,
): void {
  const openapi = describe({
    operationId: "watchAlerts",
    summary: "Anomalies as they are found, as server-sent events",
    description:
      "From now on; each event is `alert` with an AlertEvent as its data. A reader that does not keep up loses the oldest " +
      "and is told how many in `lost`. A comment every 15 s keeps the connection alive.",
    tag: "alerts",
    query: alertsQuery,
    answers: {
      200: { description: "A stream of alerts", schema: alertEvent, type: "text/event-stream" },
    },
    problems: [400, 429, 503],
  });
  app.get("/v1/alerts", { config: { openapi }, exposeHeadRoute: false }, (request, reply) => {
    gate.check();
    const { detector } = readQuery(alertsQuery, request.query);
    let stream: AlertStream | undefined;
    const watcher = parts.alerts.watch(detector, () => stream?.wake());
    reply.hijack();
    stream = new AlertStream(reply.raw, watcher, parts.clock);
    streams.add(stream);
    const opened = stream;
    reply.raw.once("close", () => {
      opened.close();
      streams.delete(opened);
    });
  });
}

/** One reader. It is written to only while it takes what is written, so that what waits is in its watcher's bounded ring. */
export class AlertStream {
  readonly #response: ServerResponse;
  readonly #watcher: Watcher;
  readonly #clock: Clock;
  #blocked = false;
  #pumping: NodeJS.Immediate | undefined;
  #stopHeartbeat: () => void = () => undefined;

  constructor(response: ServerResponse, watcher: Watcher, clock: Clock) {
    this.#response = response;
    this.#watcher = watcher;
    this.#clock = clock;
    response.on("drain", () => {
      this.#blocked = false;
      this.#pump();
    });
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // A proxy that buffers would make alerts late.
      "x-accel-buffering": "no",
    });
    this.#write(": alerts from now on\n\n");
    this.#beat();
  }

  /** Runs inside publish: the writing is left for after it. */
  wake(): void {
    this.#pumping ??= setImmediate(() => this.#pump());
  }

  end(): void {
    this.#pump();
    this.close();
    this.#response.end();
  }

  close(): void {
    this.#watcher.close();
    this.#stopHeartbeat();
    clearImmediate(this.#pumping);
  }

  #pump(): void {
    this.#pumping = undefined;
    while (!this.#blocked) {
      const next = this.#watcher.take();
      if (next === undefined) return;
      const data = { ...alertJson(next.alert), lost: String(next.lost) };
      this.#write(`event: alert\ndata: ${JSON.stringify(data)}\n\n`);
    }
  }

  #write(text: string): void {
    this.#blocked = !this.#response.write(text);
  }

  #beat(): void {
    this.#stopHeartbeat = this.#clock.after(heartbeatMs, () => {
      if (!this.#blocked) this.#write(": still here\n\n");
      this.#beat();
    });
  }
}
