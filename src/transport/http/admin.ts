import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { BoundedOperations } from "../../control/bounded-operations.ts";
import { detectorName } from "../../config/detector-spec.ts";
import {
  detectorJson,
  explainedJson,
  findingJson,
  snapshotJson,
  stateJson,
} from "../admin-messages.ts";
import { directoryOf, verdictQuery } from "../admin-requests.ts";
import { readBody, sendItems } from "./admin-bodies.ts";
import {
  backUpRequest,
  detectorAnswer,
  explainedVerdict,
  explainQuery,
  finding,
  importQuery,
  snapshotAnswer,
  snapshotList,
  stateAnswer,
  verifyQuery,
} from "./admin-schemas.ts";
import { changes, shadowRoutes, versionRoutes, type AdminRoutes } from "./admin-versions.ts";
import { sendJson } from "./detectors.ts";
import { refuseCrossSite, unsupportedMediaType } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { describe, detectorInPath, readQuery } from "./openapi.ts";
import type { HttpParts } from "./parts.ts";

interface Named {
  Params: { name: string };
}

const tag = "admin";

/** AdminService over HTTP, under /v1/admin. */
export function adminRoutes(
  app: FastifyInstance,
  parts: HttpParts,
  gate: Gate,
  operations: BoundedOperations,
): void {
  const routes = { app, gate, operations, registry: parts.registry };
  stateRoutes(routes);
  snapshotRoutes(routes);
  lookRoutes(routes);
  exportRoute(routes);
  app.register(async (scope) => importRoute({ ...routes, app: scope }));
  versionRoutes(routes);
  shadowRoutes(routes);
}

function stateRoutes({ app, gate, operations }: AdminRoutes): void {
  const openapi = describe({
    operationId: "getState",
    summary: "What is on disk, how far it is, and whether the server still learns",
    tag,
    answers: { 200: { description: "The state", schema: stateAnswer } },
    problems: [503],
  });
  app.get("/v1/admin/state", { config: { openapi } }, async (_request, reply) => {
    gate.check();
    return sendJson(reply, stateJson(await operations.state()));
  });
}

function snapshotRoutes({ app, gate, operations }: AdminRoutes): void {
  const list = describe({
    operationId: "listSnapshots",
    summary: "The snapshots that are kept",
    tag,
    answers: { 200: { description: "The newest first", schema: snapshotList } },
    problems: [501, 503],
  });
  app.get("/v1/admin/snapshots", { config: { openapi: list } }, async (_request, reply) => {
    gate.check();
    return sendJson(reply, { snapshots: (await operations.listSnapshots()).map(snapshotJson) });
  });
  const create = describe({
    operationId: "createSnapshot",
    summary: "Write a snapshot of everything that is journaled so far",
    description: "Answers when it is on disk; 409 while one is being written.",
    tag,
    answers: { 201: { description: "It is on disk", schema: snapshotAnswer } },
    problems: [403, 409, 501, 503],
  });
  app.post("/v1/admin/snapshots", { config: { openapi: create } }, async (request, reply) => {
    gate.check();
    refuseCrossSite(request.headers);
    const snapshot = snapshotJson(await operations.createSnapshot());
    return sendJson(reply.code(201), { snapshot });
  });
  const backUp = describe({
    operationId: "backUp",
    summary: "Write a data directory of its own, while the server runs",
    tag,
    body: backUpRequest,
    answers: { 201: { description: "It is on disk", schema: snapshotAnswer } },
    problems: changes,
  });
  app.post("/v1/admin/backups", { config: { openapi: backUp } }, async (request, reply) => {
    gate.check();
    const { directory, journal = false } = readBody(backUpRequest, request.body);
    const snapshot = snapshotJson(await operations.backUp(directoryOf(directory), journal));
    return sendJson(reply.code(201), { snapshot });
  });
}

/** What is read and changes nothing; a verification is work, so pages of other sites may not begin one. */
function lookRoutes({ app, gate, operations }: AdminRoutes): void {
  const verify = describe({
    operationId: "verifyState",
    summary: "Read all snapshots and the journal, and say what is sound",
    description: "Findings as they are made, a line each.",
    tag,
    query: verifyQuery,
    answers: {
      200: { description: "NDJSON", schema: finding, type: "application/x-ndjson" },
    },
    problems: [400, 403, 429, 501, 503],
  });
  const quiet = { config: { openapi: verify }, exposeHeadRoute: false };
  app.get("/v1/admin/verify", quiet, async (request, reply) => {
    gate.check();
    refuseCrossSite(request.headers);
    const { deep } = readQuery(verifyQuery, request.query);
    return sendItems(reply, gate, operations.verify(deep === "true"), {
      type: "application/x-ndjson",
      encode: (item) => `${JSON.stringify(findingJson(item))}\n`,
    });
  });
  const explain = describe({
    operationId: "explainVerdict",
    summary: "A past verdict as it was, with reasons",
    description: "By detector, key and eventId; or by position and row of the journal.",
    tag,
    query: explainQuery,
    answers: { 200: { description: "The verdict", schema: explainedVerdict } },
    problems: [400, 404, 501, 503],
  });
  app.get("/v1/admin/explain", { config: { openapi: explain } }, async (request, reply) => {
    gate.check();
    const query = verdictQuery(readQuery(explainQuery, request.query));
    return sendJson(reply, explainedJson(await operations.explainVerdict(query)));
  });
}

const octets = "application/octet-stream";

function exportRoute({ app, gate, operations }: AdminRoutes): void {
  const openapi = describe({
    operationId: "exportDetector",
    summary: "One detector's specification and state, for another server",
    tag,
    params: detectorInPath,
    answers: { 200: { description: "The state", type: octets } },
    problems: [403, 404, 429, 501, 503],
  });
  const quiet = { config: { openapi }, exposeHeadRoute: false };
  app.get<Named>("/v1/admin/detectors/:name/export", quiet, async (request, reply) => {
    gate.check();
    refuseCrossSite(request.headers);
    const chunks = operations.exportDetector(request.params.name);
    // The stream holds a chunk for longer than its bytes are there.
    return sendItems(reply, gate, chunks, { type: octets, encode: (chunk) => Buffer.from(chunk) });
  });
}

/** In a scope of its own, where bodies are streams of bytes. */
function importRoute({ app, gate, operations, registry }: AdminRoutes): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(octets, (_request, payload, done) => done(null, payload));
  const openapi = describe({
    operationId: "importDetector",
    summary: "Take over a detector that another server exported",
    description:
      "Whole or not at all. The body has to arrive within 30 s; larger ones go over gRPC.",
    tag,
    query: importQuery,
    bodyType: octets,
    answers: { 201: { description: "It is there", schema: detectorAnswer } },
    problems: [400, 408, 409, 413, 415, 429, 501, 503],
  });
  app.post("/v1/admin/import", { config: { openapi } }, async (request, reply) => {
    gate.check();
    const { body } = request;
    if (!(body instanceof Readable)) throw unsupportedMediaType(octets);
    const { name } = readQuery(importQuery, request.query);
    const known = name === "" ? "" : detectorName(name);
    const detector = await operations.importDetector(known, body);
    return sendJson(reply.code(201), { detector: detectorJson(detector, registry) });
  });
}
