import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import type { FastifySchema } from "fastify";
import { z } from "zod";
import { WeirError } from "../../domain/errors.ts";
import { problemType } from "./errors.ts";
import { componentSchemas, refOf } from "./schema-components.ts";
import { problem, webhookBody } from "./schemas.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** A route in the OpenAPI document; kept from fastify's own validation, which handlers do not need. */
    openapi?: FastifySchema;
  }
}

/** What the document says about a route. */
export interface RouteDescription {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: "scoring" | "features" | "detectors" | "alerts" | "admin" | "operations";
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Of a body that is no JSON, instead of `body`. */
  readonly bodyType?: string;
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Statuses that are answered with problem details. */
  readonly problems?: readonly number[];
}

interface AnswerDescription {
  readonly description: string;
  /** A component; absent = text, where there is a type. */
  readonly schema?: z.ZodType;
  /** Default application/json where there is a schema, else no body. */
  readonly type?: string;
}

/** The path parameter of everything about one detector. */
export const detectorInPath = z.strictObject({
  name: z.string().min(1).describe("The detector's name, percent-encoded where needed"),
});

const reasons: Readonly<Record<number, string>> = {
  400: "Malformed or invalid; violations say where",
  403: "Sent by a browser for a page of another site",
  404: "No such detector, version, shadow or verdict",
  408: "The body did not arrive in time",
  409: "Not as things are: it is there already with another spec, its inputs have changed, it has no features, a snapshot is running, ...",
  413: "Larger than the limit",
  415: "Not the media type that is taken",
  429: "A limit is reached; retryAfterMs says when to try again",
  501: "Needs the journal, and durability is none",
  503: "Warming up or draining; or a change while the journal cannot be written",
  504: "Not read in time",
};

/** A route as @fastify/swagger takes it. */
export function describe(route: RouteDescription): FastifySchema {
  const response: Record<string, unknown> = {};
  for (const [status, answer] of Object.entries(route.answers)) {
    response[status] = describeAnswer(answer);
  }
  for (const status of route.problems ?? []) {
    const content = { [problemType]: { schema: refOf(problem) } };
    response[status] = { description: reasons[status] ?? "", content };
  }
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    tags: [route.tag],
    ...(route.params === undefined ? {} : { params: jsonSchema(route.params) }),
    ...(route.query === undefined ? {} : { querystring: jsonSchema(route.query) }),
    ...(route.body === undefined
      ? {}
      : { body: { content: { "application/json": { schema: refOf(route.body) } } } }),
    ...(route.bodyType === undefined
      ? {}
      : {
          body: { content: { [route.bodyType]: { schema: { type: "string", format: "binary" } } } },
        }),
    response,
  };
}

function describeAnswer({ description, schema, type }: AnswerDescription): object {
  if (schema === undefined && type === undefined) return { description, type: "null" };
  const body = schema === undefined ? { type: "string" } : refOf(schema);
  return { description, content: { [type ?? "application/json"]: { schema: body } } };
}

function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input" });
  return rest;
}

/** A query by its schema; INVALID_ARGUMENT with a violation for the first thing that is wrong. */
export function readQuery<T extends z.ZodType>(schema: T, query: unknown): z.output<T> {
  const read = schema.safeParse({ ...Object(query) });
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  if (issue?.code === "unrecognized_keys") {
    const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
    const expected = known.map((name) => JSON.stringify(name)).join(" and ");
    throw WeirError.invalid(
      "MALFORMED",
      issue.keys[0] ?? "query",
      `there is no such query parameter; there ${known.length === 1 ? "is" : "are"} ${expected}`,
    );
  }
  const field = issue?.path.join(".") ?? "query";
  throw WeirError.invalid("MALFORMED", field, issue?.message ?? "is not valid");
}

/** What Weir sends, where the configuration names a webhook. */
const webhooks = {
  alerts: {
    post: {
      operationId: "alertsWebhook",
      summary: "Anomalies as they are found, posted to the configured webhook",
      description:
        "2xx = taken. 408, 429, 5xx, a broken connection and silence are tried again with backoff (Retry-After is heeded); " +
        "other answers are not. Requests come one at a time and in order.",
      tags: ["alerts"],
      parameters: [
        {
          name: "Idempotency-Key",
          in: "header",
          required: true,
          schema: { type: "string" as const },
          description: "The same at every attempt at one request",
        },
      ],
      requestBody: {
        required: true,
        content: { "application/json": { schema: refOf(webhookBody) } },
      },
      responses: { "2XX": { description: "Taken" } },
    },
  },
};

/** How the document is made: routes from their `openapi`, schemas as its components. */
export function openapiOptions(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: "3.1.1",
      info: {
        title: "Weir",
        version,
        description:
          "Streaming anomaly and fraud scoring. The same contract as over gRPC (weir.v1), in its proto3 JSON mapping: " +
          "names in camelCase (snake_case is taken too), 64-bit integers in answers as decimal strings, null = absent.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      tags: [
        { name: "scoring", description: "The hot path" },
        {
          name: "features",
          description: "The features of keys, for training sets and other models",
        },
        { name: "detectors", description: "The control plane" },
        { name: "alerts", description: "Anomalies as they are found" },
        { name: "llamafarm", description: "LlamaFarm's API; every path is there without /ml too" },
        { name: "admin", description: "The state on disk, versions, shadows" },
        { name: "operations", description: "Health, metrics, statistics" },
      ],
    },
    transform: ({ url, route }) => ({ schema: route.config?.openapi ?? { hide: true }, url }),
    transformObject: (document) => {
      if (!("openapiObject" in document)) return {};
      const { openapiObject } = document;
      return { ...openapiObject, webhooks, components: { schemas: componentSchemas() } };
    },
  };
}
