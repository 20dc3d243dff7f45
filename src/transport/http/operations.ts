import type { FastifyInstance, FastifyReply } from "fastify";
import type { Gate } from "./gate.ts";
import { indexPage } from "./index-page.ts";
import { describe } from "./openapi.ts";
import type { HttpParts } from "./parts.ts";
import { health, openapiDocument, stats } from "./schemas.ts";

const tag = "operations";
const json = "application/json; charset=utf-8";

/** Health, metrics, statistics, the OpenAPI document and the page that links them. */
export function operationRoutes(app: FastifyInstance, parts: HttpParts, gate: Gate): void {
  healthRoutes(app, gate, parts.learning);
  app.get(
    "/metrics",
    {
      config: {
        openapi: describe({
          operationId: "metrics",
          summary: "Metrics for Prometheus",
          tag,
          answers: { 200: { description: "Prometheus text", type: "text/plain" } },
        }),
      },
    },
    async (_request, reply) => {
      const { contentType, body } = await parts.metricsText();
      return reply.header("content-type", contentType).send(body);
    },
  );
  app.get(
    "/v1/stats",
    {
      config: {
        openapi: describe({
          operationId: "stats",
          summary: "The last minute: latencies and counts by detector",
          tag,
          answers: { 200: { description: "Statistics", schema: stats } },
        }),
      },
    },
    (_request, reply) => {
      reply.header("content-type", json).send(JSON.stringify(parts.stats()));
    },
  );
  documentRoutes(app);
}

function documentRoutes(app: FastifyInstance): void {
  let document: string | undefined;
  app.get(
    "/openapi.json",
    {
      config: {
        openapi: describe({
          operationId: "openapi",
          summary: "This document",
          tag,
          answers: { 200: { description: "OpenAPI 3.1", schema: openapiDocument } },
        }),
      },
    },
    (_request, reply) => {
      document ??= JSON.stringify(app.swagger());
      reply.header("content-type", json).send(document);
    },
  );
  app.get(
    "/",
    {
      config: {
        openapi: describe({
          operationId: "index",
          summary: "A page that links what there is",
          tag,
          answers: { 200: { description: "The page", type: "text/html" } },
        }),
      },
    },
    (request, reply) => {
      reply
        .header("content-type", "text/html; charset=utf-8")
        .header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'")
        .send(indexPage(request.headers.host ?? "127.0.0.1:14345"));
    },
  );
}

function healthRoutes(
  app: FastifyInstance,
  gate: Gate,
  learning: () => boolean = () => true,
): void {
  app.get(
    "/healthz",
    {
      config: {
        openapi: describe({
          operationId: "healthz",
          summary: "Whether the process is alive",
          tag,
          answers: { 200: { description: "It is", schema: health } },
        }),
      },
    },
    (_request, reply) => sendHealth(reply, 200, "alive"),
  );
  app.get(
    "/readyz",
    {
      config: {
        openapi: describe({
          operationId: "readyz",
          summary: "Whether work is taken",
          tag,
          answers: {
            200: { description: "Serving", schema: health },
            503: { description: "Warming up or draining", schema: health },
          },
        }),
      },
    },
    (_request, reply) => {
      const code = gate.state === "serving" ? 200 : 503;
      sendHealth(reply, code, gate.state, learning() ? {} : { learning: false });
    },
  );
}

// oxlint-disable-next-line max-params -- an answer
function sendHealth(reply: FastifyReply, code: number, status: string, more: object = {}): void {
  reply
    .code(code)
    .header("content-type", json)
    .header("cache-control", "no-store")
    .send(JSON.stringify({ status, ...more }));
}
