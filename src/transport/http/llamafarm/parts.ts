import type { FastifyReply, FastifyRequest } from "fastify";
import type { HttpParts } from "../parts.ts";
import type { Gate } from "../gate.ts";
import { WeirError } from "../../../domain/errors.ts";
import { DetailError, sendError } from "./errors.ts";

/** What the handlers of LlamaFarm's paths work with. */
export interface LlamaFarmParts extends HttpParts {
  readonly gate: Gate;
}

/** Every path of LlamaFarm's API is there under both. */
export const prefixes = ["/v1/ml", "/v1"] as const;

const ownPaths = /^\/v1\/(?:ml|anomaly|polars)(?:\/|$)/;

/** Whether errors at this path are `{"detail": ...}`. */
export function speaksDetail(path: string): boolean {
  return ownPaths.test(path);
}

/** An id from a path. 404 where LlamaFarm's route would not match, 400 where it refuses it. */
export function pathId(id: string, what: "model_id" | "buffer_id" | "filename"): string {
  if (id.includes("/")) throw new DetailError(404, "Not Found");
  if (id.includes("\\") || id.includes("..")) {
    const words = what === "filename" ? "Invalid filename" : `Invalid ${what}`;
    throw new DetailError(400, `${words}: ${id}`);
  }
  return id;
}

/**
 * Runs a handler while work is taken and answers with what it returns, 200 and JSON, nulls included. Whatever it throws becomes
 * `{"detail": ...}`. A drain waits for it.
 */
export async function answer(
  parts: Pick<LlamaFarmParts, "gate" | "telemetry" | "logger">,
  request: FastifyRequest,
  reply: FastifyReply,
  handle: () => unknown,
): Promise<void> {
  parts.gate.check();
  parts.gate.enter();
  reply.raw.once("close", () => parts.gate.leave());
  try {
    const body: unknown = await handle();
    sendJson(reply, body);
  } catch (error) {
    refuse(parts, request, reply, error);
  }
}

/** An answer that is JSON already. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export function sendJson(reply: FastifyReply, body: unknown): void {
  const text = body instanceof JsonText ? body.text : JSON.stringify(body);
  reply.header("content-type", "application/json; charset=utf-8").send(text);
}

/** Answers with an error; failures of our own are logged. */
export function refuse(
  parts: Pick<LlamaFarmParts, "telemetry" | "logger">,
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
): void {
  sendError(reply, error);
  if (error instanceof WeirError) parts.telemetry.refused("http", error.reason);
  if (reply.statusCode === 500) {
    parts.logger.error(
      { err: error, request: `${request.method} ${request.url}` },
      "HTTP request failed",
    );
  }
}
