import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Ticket } from "../../admission/scorer.ts";
import { Code } from "../../domain/errors.ts";
import type { FeatureRequest, FeatureValues } from "../../serving/features.ts";
import { callOf } from "./call-context.ts";
import { read, spellings, takeName, text, texts, time, type Fields } from "./decode.ts";
import { sendProblem } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { parseJson } from "./json.ts";
import { describe, detectorInPath, readQuery } from "./openapi.ts";
import type { HttpParts } from "./parts.ts";
import { featureQuery, featureRequest, featureResponse } from "./schemas.ts";

interface Named {
  Params: { name: string };
}

const path = "/v1/detectors/:name/features";
const about = {
  tag: "features",
  params: detectorInPath,
  answers: { 200: { description: "The features of each key", schema: featureResponse } },
  problems: [400, 404, 409, 413, 429, 503, 504],
} as const;

/** POST and GET /v1/detectors/{name}/features. */
export function featureRoutes(app: FastifyInstance, parts: HttpParts, gate: Gate): void {
  const post = describe({
    ...about,
    operationId: "getFeatures",
    summary: "Read the features of keys",
    description:
      "As of now, or of an earlier time that the keys' logs still cover. Reading changes nothing, and an unknown key stays unknown.",
    body: featureRequest,
    problems: [...about.problems, 415],
  });
  app.post<Named>(path, { config: { openapi: post } }, (request, reply) => {
    gate.check();
    const body = decodeFeatureRequest(parseJson(request.body), request.params.name);
    answer({ request, reply, parts, gate }, body);
  });
  const get = describe({
    ...about,
    operationId: "getFeaturesOfKey",
    summary: "Read the features of one key",
    query: featureQuery,
  });
  app.get<Named>(path, { config: { openapi: get } }, (request, reply) => {
    gate.check();
    const { key, timeUnixMs, features } = readQuery(featureQuery, request.query);
    const detector = request.params.name;
    answer({ request, reply, parts, gate }, { detector, keys: [key], timeUnixMs, features });
  });
}

interface Exchange {
  readonly request: FastifyRequest<Named>;
  readonly reply: FastifyReply;
  readonly parts: HttpParts;
  readonly gate: Gate;
}

function answer({ request, reply, parts, gate }: Exchange, asked: FeatureRequest): void {
  const call = callOf(request, parts.clock);
  let ticket: Ticket | undefined;
  gate.enter();
  // Also after an answer, where nothing is left to cancel.
  reply.raw.once("close", () => {
    gate.leave();
    ticket?.cancel();
  });
  ticket = parts.features.read(asked, call, {
    answer(features) {
      reply
        .header("content-type", "application/json; charset=utf-8")
        .header("cache-control", "no-store")
        .send(encodeFeatures(features));
    },
    fail(error) {
      parts.telemetry.refused("http", error.reason);
      if (error.code === Code.INTERNAL) {
        parts.logger.error({ err: error.cause ?? error }, "features could not be read");
      }
      sendProblem(reply, error);
    },
  });
}

class Draft implements FeatureRequest {
  detector = "";
  keys: readonly string[] = [];
  timeUnixMs = 0;
  features: readonly string[] = [];
}

const fields: Fields<Draft> = new Map([
  ["detector", (into, value, place) => void (into.detector = text(value, place, "detector"))],
  ["keys", (into, value) => void (into.keys = texts(value, "keys"))],
  ["time_unix_ms", (into, value, place) => void (into.timeUnixMs = time(value, place))],
  ["features", (into, value) => void (into.features = texts(value, "features"))],
]);
const names = spellings(fields);

/** A body as a FeatureRequest to `detector`, the path's. Throws INVALID_ARGUMENT by path, in proto spelling. */
function decodeFeatureRequest(body: unknown, detector: string): FeatureRequest {
  const request = new Draft();
  read(body, "", names, request);
  takeName(request, detector);
  return request;
}

/** GetFeaturesResponse in its proto3 JSON mapping. */
function encodeFeatures(features: FeatureValues): string {
  const { names: of, timeUnixMs } = features;
  const keys = features.keys.map((key, i) => {
    const first = i * of.length;
    const defaulted = of.filter((_, j) => features.defaulted[first + j] === 1);
    return {
      key,
      known: features.known[i] === 1,
      values: Array.from(features.values.subarray(first, first + of.length)),
      defaulted: defaulted.length === 0 ? undefined : defaulted,
      exact: features.exact[i] === 1,
      covered: features.covered[i] === 1,
    };
  });
  return JSON.stringify({ features: of, keys, timeUnixMs: String(timeUnixMs) });
}
