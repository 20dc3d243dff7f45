import type { FastifyInstance } from "fastify";
import type { BoundedOperations } from "../../control/bounded-operations.ts";
import { detectorName, normalizeSpec } from "../../config/detector-spec.ts";
import type { Registry } from "../../control/registry.ts";
import { detectorJson, shadowReportJson, versionJson } from "../admin-messages.ts";
import { shareOf } from "../admin-requests.ts";
import { readBody } from "./admin-bodies.ts";
import {
  detectorAnswer,
  rollbackRequest,
  shadowReport,
  shareRequest,
  startShadowRequest,
  versionAnswer,
  versionList,
} from "./admin-schemas.ts";
import { sendJson } from "./detectors.ts";
import { refuseCrossSite } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { parseExactJson } from "./json.ts";
import { describe, detectorInPath } from "./openapi.ts";
import { detectorSpec } from "./schemas.ts";

/** What the routes under /v1/admin share. */
export interface AdminRoutes {
  readonly app: FastifyInstance;
  readonly gate: Gate;
  readonly operations: BoundedOperations;
  readonly registry: Registry;
}

interface Named {
  Params: { name: string };
}

const tag = "admin";
const params = detectorInPath;
/** What a change may be refused with. */
export const changes = [400, 403, 404, 409, 413, 415, 429, 501, 503] as const;

export function versionRoutes({ app, gate, operations }: AdminRoutes): void {
  const list = describe({
    operationId: "listVersions",
    summary: "The versions of a detector that are kept",
    tag,
    params,
    answers: { 200: { description: "The newest first", schema: versionList } },
    problems: [404, 501, 503],
  });
  const path = "/v1/admin/detectors/:name/versions";
  app.get<Named>(path, { config: { openapi: list } }, async (request, reply) => {
    gate.check();
    const versions = await operations.versions(request.params.name);
    return sendJson(reply, { versions: versions.map(versionJson) });
  });
  const update = describe({
    operationId: "updateDetector",
    summary: "Give a detector another specification, as a new version",
    description:
      "Where the state fits both, it is kept and the version serves at once; where it does not, the version learns beside the old one, " +
      "which goes on answering until the new one is past its burn-in.",
    tag,
    params,
    body: detectorSpec,
    answers: { 200: { description: "The version", schema: versionAnswer } },
    problems: changes,
  });
  app.post<Named>(path, { config: { openapi: update } }, async (request, reply) => {
    gate.check();
    const config = normalizeSpec(parseExactJson(request.body), "");
    const version = await operations.updateDetector(request.params.name, config);
    return sendJson(reply, { version: versionJson(version) });
  });
  const rollback = describe({
    operationId: "rollbackDetector",
    summary: "Back to a version that is kept",
    tag,
    params,
    body: rollbackRequest,
    answers: {
      200: {
        description: "The version; with replay perhaps still learning",
        schema: versionAnswer,
      },
    },
    problems: changes,
  });
  const back = "/v1/admin/detectors/:name/rollback";
  app.post<Named>(back, { config: { openapi: rollback } }, async (request, reply) => {
    gate.check();
    refuseCrossSite(request.headers);
    const { version, replay } = readBody(rollbackRequest, request.body);
    const now = await operations.rollback(request.params.name, version, replay);
    return sendJson(reply, { version: versionJson(now) });
  });
}

export function shadowRoutes(routes: AdminRoutes): void {
  startRoute(routes);
  oneShadowRoutes(routes);
  const { app, gate, operations, registry } = routes;
  const promote = describe({
    operationId: "promoteShadow",
    summary: "The shadow answers from now on, under the live one's name",
    description: "And the live one is its shadow: both at once, between two events.",
    tag,
    params,
    answers: { 200: { description: "The live one, as it is now", schema: detectorAnswer } },
    problems: changes,
  });
  const path = "/v1/admin/shadows/:name/promote";
  app.post<Named>(path, { config: { openapi: promote } }, async (request, reply) => {
    gate.check();
    refuseCrossSite(request.headers);
    const detector = await operations.promoteShadow(request.params.name);
    return sendJson(reply, { detector: detectorJson(detector, registry) });
  });
}

function startRoute({ app, gate, operations, registry }: AdminRoutes): void {
  const openapi = describe({
    operationId: "startShadow",
    summary: "A detector that sees the same rows as a live one and answers nobody",
    tag,
    body: startShadowRequest,
    answers: { 201: { description: "It follows", schema: detectorAnswer } },
    problems: changes,
  });
  app.post("/v1/admin/shadows", { config: { openapi } }, async (request, reply) => {
    gate.check();
    const { name, shadowed, spec, copyState, share } = readBody(startShadowRequest, request.body);
    const detector = await operations.startShadow({
      name: detectorName(name),
      shadowed,
      config: normalizeSpec(spec, "spec"),
      copyState,
      share: shareOf(share),
    });
    return sendJson(reply.code(201), { detector: detectorJson(detector, registry) });
  });
}

function oneShadowRoutes({ app, gate, operations }: AdminRoutes): void {
  const report = describe({
    operationId: "getShadowReport",
    summary: "A shadow beside the live detector",
    tag,
    params,
    answers: { 200: { description: "The report", schema: shadowReport } },
    problems: [404, 409, 501, 503],
  });
  const path = "/v1/admin/shadows/:name";
  app.get<Named>(path, { config: { openapi: report } }, async (request, reply) => {
    gate.check();
    return sendJson(reply, shadowReportJson(await operations.shadowReport(request.params.name)));
  });
  const share = describe({
    operationId: "setShadowShare",
    summary: "The share of keys whose events the shadow answers",
    tag,
    params,
    body: shareRequest,
    answers: { 204: { description: "It is so" } },
    problems: changes,
  });
  app.put<Named>(`${path}/share`, { config: { openapi: share } }, async (request, reply) => {
    gate.check();
    const { share: of } = readBody(shareRequest, request.body);
    await operations.setShadowShare(request.params.name, shareOf(of));
    return reply.code(204).send();
  });
  const stop = describe({
    operationId: "stopShadow",
    summary: "Remove a shadow and its state",
    tag,
    params,
    answers: { 204: { description: "Gone" } },
    problems: [404, 409, 501, 503],
  });
  app.delete<Named>(path, { config: { openapi: stop } }, async (request, reply) => {
    gate.check();
    await operations.stopShadow(request.params.name);
    return reply.code(204).send();
  });
}
