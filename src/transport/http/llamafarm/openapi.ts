import type { FastifySchema } from "fastify";
import { z } from "zod";

/** What the document says about a route of LlamaFarm's API. */
export interface FarmRoute {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answer: z.ZodType;
  /** Statuses that are answered with `{"detail": ...}`, and when. */
  readonly errors?: Readonly<Record<number, string>>;
}

/** Only these paths are in the document; the others are the same. */
const documented = "/v1/ml";

const detail = z.object({
  detail: z.union([
    z.string(),
    z.array(
      z.object({
        type: z.string(),
        loc: z.array(z.union([z.string(), z.int()])),
        msg: z.string(),
        input: z.unknown(),
        ctx: z.record(z.string(), z.unknown()).optional(),
      }),
    ),
  ]),
});

/** Options of a route below `prefix`: LlamaFarm's paths are there twice, and described once. */
export function described(
  prefix: string,
  route: FarmRoute,
): { readonly config: { readonly openapi?: FastifySchema } } {
  return { config: prefix === documented ? { openapi: schemaOf(route) } : {} };
}

function schemaOf(route: FarmRoute): FastifySchema {
  const { operationId, summary, description, params, query, body, answer, errors = {} } = route;
  const response: Record<string, object> = {
    200: { description: "Done", content: json(answer, "output") },
  };
  for (const [status, when] of Object.entries(errors)) {
    response[status] = { description: when, content: json(detail, "output") };
  }
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: ["llamafarm"],
    ...(params === undefined ? {} : { params: jsonSchema(params, "input") }),
    ...(query === undefined ? {} : { querystring: jsonSchema(query, "input") }),
    ...(body === undefined ? {} : { body: { content: json(body, "input") } }),
    response,
  };
}

function json(schema: z.ZodType, io: "input" | "output"): object {
  return { "application/json": { schema: jsonSchema(schema, io) } };
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
