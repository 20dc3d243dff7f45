import { z } from "zod";
import { isKind, kinds } from "../../../models/kinds.ts";
import type { FarmRoute } from "./openapi.ts";

// What the document says of streaming detectors. Bodies are read by `stream-request.ts`.

const backend = z.enum(Object.keys(kinds).filter(isKind));
const row = z.record(z.string(), z.unknown()).describe("By field name; null = missing");
const rows = z.union([row, z.array(row)]);
const encoding = z.enum(["numeric", "hash", "label", "onehot", "binary", "frequency"]);
const schema = z.record(z.string(), encoding).nullable().optional();
const parameters = z
  .record(z.string(), z.unknown())
  .optional()
  .describe("Hyper-parameters of the backend by PyOD's names");
const contamination = z.number().gt(0).max(0.5).default(0.1);
const count = z.int().min(0);
const period = z.int().min(1);

const streamBody = z.object({
  model: z.string().default("default-stream"),
  data: rows,
  backend: backend.default("ecod"),
  min_samples: z.int().min(10).default(50),
  retrain_interval: z.int().min(10).default(100),
  window_size: z.int().min(50).max(50_000).default(1000),
  contamination,
  threshold: z.number().default(0.5).describe("0..1; any number with normalization zscore or raw"),
  rolling_windows: z.array(period).max(8).nullable().optional(),
  include_lags: z.boolean().default(false),
  lag_periods: z.array(period).max(8).nullable().optional().describe("1, 2, 3"),
  schema: schema.describe("The fields that the model sees and how; absent = all number fields"),
  normalization: z
    .enum(["calibrated", "llamafarm_stream", "standardization", "zscore", "raw"])
    .default("calibrated")
    .describe(
      "calibrated: 0.5 is the contamination quantile, whatever the backend; standardization is llamafarm_stream",
    ),
  parameters,
  scaler: z.enum(["none", "standard", "min_max", "robust"]).default("none"),
  flagged_rows: z
    .enum(["keep", "drop"])
    .default("keep")
    .describe("Whether flagged points enter the window"),
});

const streamItem = z.object({
  index: count,
  score: z.number().nullable(),
  is_anomaly: z.boolean().nullable(),
  raw_score: z.number().nullable(),
  samples_until_ready: count,
  source: z.string().optional().describe("Only where the model did not answer in time"),
});

const status = z.enum(["collecting", "ready", "retraining"]);

const streamResult = z.object({
  object: z.literal("streaming_result"),
  model: z.string(),
  status,
  results: z.array(streamItem),
  model_version: count,
  samples_collected: count,
  samples_until_ready: count,
  threshold: z.number(),
  last_error: z.string().optional().describe("Why the first training failed"),
});

const stats = {
  model_id: z.string(),
  backend,
  status,
  model_version: count,
  samples_collected: count,
  total_processed: count,
  samples_since_retrain: count,
  min_samples: count,
  retrain_interval: count,
  window_size: count,
  threshold: z.number(),
  is_ready: z.boolean(),
  last_error: z.string().optional().describe("Why the last training failed"),
};

const listOf = (item: z.ZodType) =>
  z.object({ object: z.literal("list"), data: z.array(item), total: count });
const identified = z.object({ id: z.string() });
const unknown = "No such detector";
const busy = "Too many detectors, or too many requests wait: Retry-After says when to try again";

const backendList = z.object({
  ...listOf(
    z.object({
      backend,
      name: z.string(),
      description: z.string(),
      category: z.string(),
      speed: z.enum(["very_fast", "fast", "medium", "slow"]),
      memory: z.enum(["low", "medium", "high"]),
      parameters: z.array(z.string()),
      best_for: z.string(),
      is_legacy: z.boolean(),
    }),
  ).shape,
  categories: z.array(z.string()),
});

export const streamRouteDescriptions = {
  post: {
    operationId: "stream",
    summary: "Score points of a stream and learn from them; the first request makes the detector",
    body: streamBody,
    answer: streamResult,
    errors: {
      400: "A field is not valid: the detail names it",
      409: "The name is of a detector that is no streaming detector",
      413: "Too many points, fields or bytes",
      422: "The body is no JSON object",
      429: busy,
    },
  },
  list: {
    operationId: "listStreams",
    summary: "All streaming detectors",
    answer: listOf(z.object(stats)),
  },
  get: {
    operationId: "getStream",
    summary: "A streaming detector's configuration and counters",
    params: identified,
    answer: z.object({ object: z.literal("streaming_detector"), ...stats }),
    errors: { 400: "The id is none", 404: unknown },
  },
  reset: {
    operationId: "resetStream",
    summary: "Forget what a streaming detector has learned",
    params: identified,
    answer: z.object({
      object: z.literal("reset_result"),
      model: z.string(),
      status: z.literal("collecting"),
      reset: z.literal(true),
    }),
    errors: { 403: "Sent by a browser for a page of another site", 404: unknown, 429: busy },
  },
  delete: {
    operationId: "deleteStream",
    summary: "Delete a streaming detector",
    params: identified,
    answer: z.object({
      object: z.literal("delete_result"),
      model: z.string(),
      deleted: z.literal(true),
    }),
    errors: { 404: unknown, 429: busy },
  },
  backends: {
    operationId: "listBackends",
    summary: "The twelve kinds of models",
    answer: backendList,
  },
} satisfies Readonly<Record<string, FarmRoute>>;
