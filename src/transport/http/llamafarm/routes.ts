import type { FastifyInstance } from "fastify";
import { bufferRoutes } from "./buffers.ts";
import { backendRoutes } from "./backends.ts";
import { modelRoutes } from "./models.ts";
import { prefixes, type LlamaFarmParts } from "./parts.ts";
import { Streams, streamRoutes } from "./stream.ts";

/** LlamaFarm's API, under each of its prefixes. */
export function llamafarmRoutes(app: FastifyInstance, parts: LlamaFarmParts): void {
  const streams = parts.streaming === undefined ? undefined : new Streams(parts, parts.streaming);
  for (const prefix of prefixes) {
    backendRoutes(app, prefix, parts);
    if (streams !== undefined) streamRoutes(app, prefix, parts, streams);
    if (parts.rowBuffers !== undefined) {
      bufferRoutes(app, prefix, { ...parts, rowBuffers: parts.rowBuffers });
    }
    if (parts.fitted !== undefined) modelRoutes(app, prefix, { ...parts, fitted: parts.fitted });
  }
}
