import { fastify } from "fastify";

/**
 * What an endpoint of this shape costs whatever it does: fastify parses the body, validates it by a JSON schema and serializes an answer by
 * another. The process is told nothing; it tells its port.
 */

const result = {
  type: "object",
  properties: {
    index: { type: "integer" },
    score: { type: "number" },
    is_anomaly: { type: "boolean" },
    raw_score: { type: "number" },
    samples_until_ready: { type: "integer" },
  },
};

const body = {
  type: "object",
  required: ["data"],
  properties: {
    model: { type: "string" },
    data: { type: "object", additionalProperties: { type: ["number", "null"] } },
    backend: { type: "string", enum: ["ecod", "hbos", "copod", "knn"] },
    min_samples: { type: "integer", minimum: 10 },
    retrain_interval: { type: "integer", minimum: 10 },
    window_size: { type: "integer", minimum: 50 },
    threshold: { type: "number", minimum: 0, maximum: 1 },
  },
};

const response = {
  200: {
    type: "object",
    properties: {
      object: { type: "string" },
      model: { type: "string" },
      status: { type: "string" },
      results: { type: "array", items: result },
      model_version: { type: "integer" },
      samples_collected: { type: "integer" },
      samples_until_ready: { type: "integer" },
      threshold: { type: "number" },
    },
  },
};

const answer = {
  object: "streaming_result",
  model: "bench",
  status: "ready",
  results: [
    {
      index: 0,
      score: 0.23857939495314198,
      is_anomaly: false,
      raw_score: 12.493205452602695,
      samples_until_ready: 0,
    },
  ],
  model_version: 12,
  samples_collected: 1000,
  samples_until_ready: 0,
  threshold: 0.5,
};

const app = fastify({ logger: false });
app.post("/v1/ml/anomaly/stream", { schema: { body, response } }, () => answer);
await app.listen({ host: "127.0.0.1", port: 0 });
const address = app.server.address();
const httpPort = address === null || typeof address === "string" ? 0 : address.port;
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
process.send?.({ grpcPort: 0, httpPort });
if (process.send === undefined) process.stdout.write(`${httpPort}\n`);
