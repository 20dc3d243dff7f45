import * as z from "zod";
import { limits } from "./limits.ts";

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

/**
 * The shape of a DetectorSpec for editors and API documentation: snake_case names, short enum names. What is taken, and why not, is
 * decided by `normalizeSpec`, which knows more spellings and the relations between fields.
 */
export const detectorSchema = z
  .strictObject({
    inputs: z.array(inputSchema).min(1).max(limits.inputsMax),
    scaler: z.enum(["none", "standard", "min_max"]).optional().meta({ default: "none" }),
    half_space_trees: treesSchema.optional(),
    threshold: share("Anomaly when the score exceeds it; absent = by alert_share."),
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
