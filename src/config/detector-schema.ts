import * as z from "zod";
import { kinds } from "../models/kinds.ts";
import type { Parameter } from "../models/kinds.ts";
import { featureSchemas } from "./feature-schema.ts";
import { limits } from "./limits.ts";
import { windowDefaults } from "./window-spec.ts";

/** A count: 0 = its default. */
const count = (max: number, byDefault: number, description: string) =>
  z.int().min(0).max(max).optional().meta({ description, default: byDefault });

const share = (description: string) => z.number().min(0).max(1).optional().meta({ description });

/** A 64-bit integer, as a number or in quotes. */
const wide = (byDefault: number, description: string) =>
  z
    .union([z.int().min(0), z.string().regex(/^\d{1,20}$/)])
    .optional()
    .meta({ description, default: byDefault });

const inputSchema = z
  .strictObject({
    name: z.string().min(1).max(limits.inputNameBytesMax),
    type: z.enum(["number", "category"]).optional().meta({ default: "number" }),
    default_value: z.number().optional().meta({ description: "For events that lack the input." }),
    missing: z.enum(["refuse", "default", "model"]).optional().meta({
      description:
        "What happens to an event that lacks the input; default: its default_value where that is set, else refuse.",
    }),
    encoding: z
      .enum(["hash", "label", "onehot", "binary", "frequency"])
      .optional()
      .meta({ description: "How a window model sees a category; absent = only rules see it." }),
    rules_only: z
      .boolean()
      .optional()
      .meta({ description: "Sent for the rules, not seen by the model.", default: false }),
  })
  .meta({ description: "What clients send: one column." });

const ruleSchema = z
  .strictObject({
    name: z.string().min(1).max(limits.ruleNameBytesMax),
    when: z.string().min(1).max(limits.ruleBytesMax).meta({
      description:
        "CEL over the inputs by name, the map inputs, key and time: amount > 10000.0 && country == 'FR'",
    }),
    score: z.number().min(0).max(1).optional().meta({ default: 0 }),
  })
  .meta({ description: "The first rule that holds answers." });

const treesSchema = z
  .strictObject({
    trees: count(limits.treesMax, 10, "Trees."),
    height: count(limits.heightMax, 8, "Height of a tree."),
    window: count(limits.windowMax, 250, "Events of a key between two updates of its reference."),
    seed: wide(42, "Of the random splits."),
    limits: z
      .record(
        z.string(),
        z.strictObject({ low: z.number().optional(), high: z.number().optional() }),
      )
      .optional()
      .meta({ description: "A feature's box for the splits, on the scaled values; default 0..1." }),
  })
  .meta({ description: "Half-Space Trees." });

/** One field of a kind's message; see src/models/kinds.ts. */
function parameterSchema(parameter: Parameter): z.ZodType {
  const { type, min = 0, max = Number.MAX_SAFE_INTEGER, choices = [], auto } = parameter;
  const orAuto = (schema: z.ZodType) =>
    (auto === true ? z.union([schema, z.literal(["auto", -1])]) : schema).optional();
  const meta = { default: parameter.initial };
  switch (type) {
    case "count":
      return orAuto(z.int().min(0).max(max)).meta(meta);
    case "number":
      return orAuto(z.number().min(min).max(max)).meta(meta);
    case "flag":
      return z.boolean().optional().meta(meta);
    case "choice":
      return z.enum(choices).optional().meta(meta);
    case "counts":
      return z.array(z.int().min(min).max(max)).optional().meta(meta);
    case "estimators":
      return z
        .array(z.record(z.string(), z.record(z.string(), z.unknown())))
        .optional()
        .meta({ description: "Kinds with their parameters: - knn: { n_neighbors: 10 }" });
    default:
      return type satisfies never;
  }
}

/** A field for every kind that trains on a window. */
const kindSchemas = Object.fromEntries(
  Object.entries(kinds).map(([kind, { parameters }]) => [
    kind,
    z
      .strictObject(
        Object.fromEntries(parameters.map((each) => [each.name, parameterSchema(each)])),
      )
      .optional()
      .meta({ description: "Trains on a window of rows; parameters as PyOD names them." }),
  ]),
);

const windowSchema = z
  .strictObject({
    rows: count(limits.windowRowsMax, windowDefaults.rows, "The last rows that are kept."),
    min_samples: count(
      limits.minSamplesMax,
      windowDefaults.minSamples,
      "Rows before the first training.",
    ),
    retrain_interval: count(
      limits.retrainIntervalMax,
      windowDefaults.retrainInterval,
      "Rows from the window of one training to the window of the next.",
    ),
    scope: z.enum(["detector", "key"]).optional().meta({
      description: "One window and one model for all keys, or for each key.",
      default: "detector",
    }),
    flagged_rows: z.enum(["keep", "drop"]).optional().meta({
      description: "Whether rows that the model flagged enter the window.",
      default: "keep",
    }),
  })
  .meta({ description: "The rows that a model trains on, and when." });

const periods = (description: string) =>
  z.array(z.int().min(1).max(limits.windowRowsMax)).max(limits.periodsMax).optional().meta({
    description,
  });

/**
 * The shape of a DetectorSpec for editors and API documentation: snake_case names, short enum names. What is taken, and why not, is
 * decided by `normalizeSpec`, which knows more spellings and the relations between fields.
 */
export const detectorSchema = z
  .strictObject({
    inputs: z.array(inputSchema).max(limits.inputsMax).optional().meta({
      description:
        "May be empty only for a model that trains on a window: discovered by name then.",
    }),
    scaler: z.enum(["none", "standard", "min_max", "robust"]).optional().meta({
      description: "robust: of models that train on a window.",
      default: "none",
    }),
    half_space_trees: treesSchema.optional(),
    ...kindSchemas,
    ...featureSchemas,
    window: windowSchema.optional(),
    contamination: z.number().gt(0).max(0.5).optional().meta({
      description: "Share of the training rows that are taken for anomalies.",
      default: windowDefaults.contamination,
    }),
    normalization: z
      .enum(["calibrated", "llamafarm_stream", "standardization", "zscore", "raw"])
      .optional()
      .meta({ description: "What a raw score becomes.", default: "calibrated" }),
    rolling_windows: periods("Rows: mean, std, min and max of every number input over each."),
    lag_periods: periods("Rows back."),
    model_seed: wide(Number(windowDefaults.seed), "Of a window model's random parts."),
    threshold: z.number().optional().meta({
      description:
        "Anomaly when the score exceeds it; absent = by alert_share, of a window model 0.5.",
    }),
    alert_share: z.number().gt(0).max(0.5).optional().meta({
      description: "0.01: the threshold is the key's own running quantile of scores at 0.99.",
      default: 0.01,
    }),
    burn_in_events: z.int().min(0).optional().meta({
      description: "Events of a key that are scored but never alerted on, after its first window.",
      default: 250,
    }),
    timeout_ms: count(limits.timeoutMsMax, 20, "Answer budget."),
    batch_wait_ms: count(limits.batchWaitMsMax, 10, "Longest wait of the micro-batcher."),
    rules: z.array(ruleSchema).max(limits.rulesMax).optional(),
    default_score: share("Answered when nothing else can."),
    fallback: z
      .array(z.enum(["rules", "cached", "default"]))
      .optional()
      .meta({
        description: "What answers when the budget ends, in order.",
        default: ["rules", "cached", "default"],
      }),
    cached_max_age_ms: count(2 ** 32 - 1, 60_000, "How long a key's last score is fresh."),
    keys_max: wide(100_000, "Keys that have state."),
    at_keys_max: z.enum(["evict", "refuse"]).optional().meta({
      description: "evict: the key idle longest leaves. refuse: rows of new keys are refused.",
      default: "evict",
    }),
    key_ttl_seconds: count(2 ** 32 - 1, 0, "A key idle for longer starts cold; 0 = never."),
    ids_max: count(limits.idsMax, 100_000, "Event ids that are remembered."),
    learn_system_actions: z.boolean().optional().meta({
      description: "Learn also from events under a known intervention.",
      default: false,
    }),
  })
  .meta({ description: "What is sent, how it is scored and who answers when time runs out." });
