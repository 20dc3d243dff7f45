import { z } from "zod";
import { limits } from "../../../config/limits.ts";
import { encodings } from "../../../encode/state.ts";
import { isKind, kinds } from "../../../models/kinds.ts";
import { described } from "./openapi.ts";
import type { FarmRoute } from "./openapi.ts";

// What the document says of the endpoints of fitted models. Bodies are read by `model-requests.ts`; a test holds answers to this.

const backend = z.enum(Object.keys(kinds).filter(isKind));
const normalization = z.enum(["standardization", "zscore", "raw", "calibrated"]);
const cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const data = z
  .union([z.array(z.array(z.number().nullable())), z.array(z.record(z.string(), cell))])
  .describe(
    `Rows of numbers (null = missing: the column's median), or objects, whose fields match by name. At most ${limits.fitRowsMax} rows`,
  );
const schema = z
  .record(z.string(), z.enum(encodings))
  .describe("The encoding of each field; required to fit on objects");

const key = {
  model: z.string().default("default").describe("`name-latest` is the newest version"),
  backend: backend.default("isolation_forest"),
  normalization: normalization.default("standardization"),
};

const fitRequest = z.object({
  ...key,
  model: z.string().max(limits.modelNameBytesMax).default("default"),
  data,
  schema: schema.nullish(),
  contamination: z.number().gt(0).max(0.5).default(0.1),
  epochs: z.int().min(1).max(10_000).default(100).describe("Of an autoencoder"),
  batch_size: z.int().min(1).max(65_536).default(32).describe("Of an autoencoder"),
  overwrite: z.boolean().default(true).describe("false = as a version, named by date and time"),
  description: z.string().max(limits.modelDescriptionCharsMax).nullish(),
  parameters: z
    .record(z.string(), z.unknown())
    .nullish()
    .describe("The backend's hyper-parameters by PyOD's names, where they are not LlamaFarm's"),
});

const scoreRequest = z.object({
  ...key,
  data,
  schema: schema.nullish().describe("Not needed: the model brings its own"),
  threshold: z.number().nullish().describe("null = the model's"),
  explain: z.boolean().default(false).describe("score only: what each feature did to each score"),
});

const named = { model: z.string(), backend };

const fitAnswer = z.object({
  object: z.literal("fit_result"),
  ...named,
  samples_fitted: z.int(),
  training_time_ms: z.number(),
  model_params: z.object({
    backend,
    contamination: z.number(),
    threshold: z.number(),
    input_dim: z.int(),
  }),
  encoder: z.object({ schema, features: z.array(z.string()) }).nullable(),
  saved_path: z.string(),
  status: z.literal("fitted"),
  base_name: z.string(),
  versioned_name: z.string(),
  overwrite: z.boolean(),
});

const contribution = z.object({ feature: z.string(), value: cell, contribution: z.number() });

const scoreAnswer = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      index: z.int(),
      score: z.number(),
      is_anomaly: z.boolean(),
      raw_score: z.number(),
      explanation: z
        .object({ baseline: z.number(), contributions: z.array(contribution) })
        .optional()
        .describe("Baseline and contributions are the score together; the largest first"),
    }),
  ),
  total_count: z.int(),
  ...named,
  summary: z.object({
    total_points: z.int(),
    anomaly_count: z.int(),
    anomaly_rate: z.number(),
    threshold: z.number(),
  }),
});

const detectAnswer = z.object({
  object: z.literal("list"),
  data: z.array(z.object({ index: z.int(), score: z.number(), raw_score: z.number() })),
  total_count: z.int(),
  ...named,
  summary: z.object({ anomalies_detected: z.int(), threshold: z.number() }),
});

const loadAnswer = z.object({
  object: z.literal("load_result"),
  ...named,
  normalization,
  filename: z.string(),
  is_fitted: z.boolean(),
  threshold: z.number(),
  encoder_loaded: z.boolean(),
  encoder_schema: schema.nullable(),
  status: z.literal("loaded"),
});

const saveAnswer = z.object({
  object: z.literal("save_result"),
  ...named,
  filename: z.string(),
  path: z.string(),
  encoder_path: z.string().nullable(),
  status: z.literal("saved"),
});

const listAnswer = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      name: z.string(),
      filename: z.string(),
      base_name: z.string(),
      backend,
      path: z.string(),
      size_bytes: z.int(),
      created: z.string(),
      is_versioned: z.boolean(),
      description: z.string().nullable(),
    }),
  ),
  total: z.int(),
});

const deleteAnswer = z.object({
  object: z.literal("delete_result"),
  filename: z.string(),
  deleted: z.literal(true),
});

const invalid = "A field is missing, or is not what it has to be";
const busy = "Too many trainings or scorings wait, or there are too many model files";

/** By the last part of their paths. */
export const modelRouteDescriptions = {
  fit: {
    operationId: "fitModel",
    summary: "Fit a model on rows, and save it",
    body: fitRequest,
    answer: fitAnswer,
    errors: {
      400: "The rows, the schema or the name do not fit, or the backend cannot train on these rows",
      413: "More rows, columns or fields than a request may have",
      422: invalid,
      429: busy,
    },
  },
  score: {
    operationId: "scoreRows",
    summary: "Score rows with a fitted model",
    description: "The model is read from its file when it is not in memory.",
    body: scoreRequest,
    answer: scoreAnswer,
    errors: {
      400: "No such model, or the rows do not fit it",
      413: "More rows than a request may have",
      422: invalid,
      429: busy,
    },
  },
  detect: {
    operationId: "detectAnomalies",
    summary: "As score, with the anomalies alone",
    body: scoreRequest,
    answer: detectAnswer,
    errors: {
      400: "No such model, or the rows do not fit it",
      413: "More rows than a request may have",
      422: invalid,
      429: busy,
    },
  },
  save: {
    operationId: "saveModel",
    summary: "Write a fitted model's file again; a fit has done so already",
    body: z.object({ ...key, description: z.string().nullish() }),
    answer: saveAnswer,
    errors: { 400: "No such model", 422: invalid, 429: busy },
  },
  load: {
    operationId: "loadModel",
    summary: "Read a model's file again",
    body: z.object({ model: z.string(), backend: key.backend }),
    answer: loadAnswer,
    errors: { 400: "The file is damaged", 404: "No such model", 422: invalid },
  },
  list: {
    operationId: "listModels",
    summary: "List model files, newest first",
    answer: listAnswer,
  },
  delete: {
    operationId: "deleteModel",
    summary: "Delete a model's file; what is in memory stays there",
    params: z.object({ filename: z.string() }),
    answer: deleteAnswer,
    errors: { 400: "The name would leave the directory", 404: "No such file" },
  },
} satisfies Readonly<Record<string, FarmRoute>>;

/** Options of the route below `prefix`. */
export function describedModelRoute(
  prefix: string,
  name: keyof typeof modelRouteDescriptions,
): ReturnType<typeof described> {
  return described(prefix, modelRouteDescriptions[name]);
}
