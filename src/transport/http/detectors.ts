import type { FastifyInstance, FastifyReply } from "fastify";
import { detectorName, normalizeSpec } from "../../config/detector-spec.ts";
import { show } from "../../config/problems.ts";
import type { Registry } from "../../control/registry.ts";
import type { Detector, DetectorConfig } from "../../domain/detector.ts";
import { WeirError } from "../../domain/errors.ts";
import { detectorJson } from "../admin-messages.ts";
import { refuseCrossSite } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { isObject, parseExactJson } from "./json.ts";
import { describe, detectorInPath, readQuery } from "./openapi.ts";
import type { HttpParts } from "./parts.ts";
import {
  createDetectorRequest,
  detector as detectorSchema,
  detectorList,
  detectorSpec,
  listQuery,
} from "./schemas.ts";

interface Named {
  Params: { name: string };
}

const tag = "detectors";
const created = {
  200: { description: "It is there with the same spec", schema: detectorSchema },
  201: { description: "Created", schema: detectorSchema },
};

/** The control plane: create, read, list, reset, delete. */
export function detectorRoutes(app: FastifyInstance, parts: HttpParts, gate: Gate): void {
  createRoutes(app, parts.registry, gate);
  readRoutes(app, parts.registry, gate);
  const { registry } = parts;
  app.post<Named>(
    "/v1/detectors/:name/reset",
    {
      config: {
        openapi: describe({
          operationId: "resetDetector",
          summary: "Forget all state of a detector",
          tag,
          params: detectorInPath,
          answers: { 200: { description: "It starts cold", schema: detectorSchema } },
          problems: [403, 404, 503],
        }),
      },
    },
    async (request, reply) => {
      gate.check();
      refuseCrossSite(request.headers);
      const detector = await registry.reset(request.params.name);
      return sendJson(reply, detectorJson(detector, registry));
    },
  );
  app.delete<Named>(
    "/v1/detectors/:name",
    {
      config: {
        openapi: describe({
          operationId: "deleteDetector",
          summary: "Delete a detector and all of its state; one that is shadowed is refused",
          tag,
          params: detectorInPath,
          answers: { 204: { description: "Gone" } },
          problems: [404, 409, 503],
        }),
      },
    },
    async (request, reply) => {
      gate.check();
      await registry.remove(request.params.name);
      return reply.code(204).send();
    },
  );
}

function createRoutes(app: FastifyInstance, registry: Registry, gate: Gate): void {
  const create = async (name: string, config: DetectorConfig, reply: FastifyReply) => {
    const there = registry.find(name) !== undefined;
    const detector = await registry.create(name, config);
    reply.code(there ? 200 : 201).header("location", `/v1/detectors/${encodeURIComponent(name)}`);
    return sendJson(reply, detectorJson(detector, registry));
  };
  app.put<Named>(
    "/v1/detectors/:name",
    {
      config: {
        openapi: describe({
          operationId: "putDetector",
          summary: "Create a detector",
          description: "The same name and spec again is no error; another spec is 409.",
          tag,
          params: detectorInPath,
          body: detectorSpec,
          answers: created,
          problems: [400, 409, 413, 415, 429, 503],
        }),
      },
    },
    async (request, reply) => {
      gate.check();
      const name = detectorName(request.params.name);
      return create(name, normalizeSpec(parseExactJson(request.body), ""), reply);
    },
  );
  app.post(
    "/v1/detectors",
    {
      config: {
        openapi: describe({
          operationId: "createDetector",
          summary: "Create a detector, its name in the body",
          tag,
          body: createDetectorRequest,
          answers: created,
          problems: [400, 409, 413, 415, 429, 503],
        }),
      },
    },
    async (request, reply) => {
      gate.check();
      const { name, spec } = envelope(parseExactJson(request.body));
      return create(detectorName(name), normalizeSpec(spec, "spec"), reply);
    },
  );
}

function readRoutes(app: FastifyInstance, registry: Registry, gate: Gate): void {
  app.get(
    "/v1/detectors",
    {
      config: {
        openapi: describe({
          operationId: "listDetectors",
          summary: "All detectors, in the order of their names",
          tag,
          query: listQuery,
          answers: { 200: { description: "One page", schema: detectorList } },
          problems: [400, 503],
        }),
      },
    },
    (request, reply) => {
      gate.check();
      const { pageSize, pageToken } = readQuery(listQuery, request.query);
      const { page, nextPageToken } = pageOf(registry.list(), pageSize, pageToken);
      return sendJson(reply, {
        detectors: page.map((detector) => detectorJson(detector, registry)),
        ...(nextPageToken === "" ? {} : { nextPageToken }),
      });
    },
  );
  app.get<Named>(
    "/v1/detectors/:name",
    {
      config: {
        openapi: describe({
          operationId: "getDetector",
          summary: "A detector's specification and status",
          tag,
          params: detectorInPath,
          answers: { 200: { description: "The detector", schema: detectorSchema } },
          problems: [404, 503],
        }),
      },
    },
    (request, reply) => {
      gate.check();
      return sendJson(reply, detectorJson(registry.get(request.params.name), registry));
    },
  );
}

export function sendJson(reply: FastifyReply, body: unknown): FastifyReply {
  return reply.header("content-type", "application/json; charset=utf-8").send(JSON.stringify(body));
}

/** `{name, spec}`, nothing else. */
function envelope(body: unknown): { readonly name: unknown; readonly spec: unknown } {
  if (!isObject(body)) {
    throw WeirError.invalid("MALFORMED", "body", `got ${show(body)}, expected an object`);
  }
  const extra = Object.keys(body).find((field) => field !== "name" && field !== "spec");
  if (extra !== undefined) {
    const field = extra.slice(0, 64);
    throw WeirError.invalid("MALFORMED", field, "there is no such field; expected name and spec");
  }
  return { name: body["name"], spec: body["spec"] };
}

/** The page after the name that `token` carries; `pageSize` 0 = everything. */
export function pageOf(
  detectors: readonly Detector[],
  pageSize: number,
  token: string,
): { readonly page: readonly Detector[]; readonly nextPageToken: string } {
  const after = Buffer.from(token, "base64url");
  // UTF-8 sorts as code points do, which is the order of the list.
  const rest = detectors.filter(({ name }) => token === "" || Buffer.from(name).compare(after) > 0);
  const page = pageSize === 0 ? rest : rest.slice(0, pageSize);
  const last = page.at(-1);
  const more = last !== undefined && page.length < rest.length;
  return { page, nextPageToken: more ? Buffer.from(last.name).toString("base64url") : "" };
}
