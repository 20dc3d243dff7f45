import { z } from "zod";
import { limits } from "../config/limits.ts";

/** In the order in which LlamaFarm names them. */
export const encodings = ["numeric", "hash", "label", "onehot", "binary", "frequency"] as const;
export type Encoding = (typeof encodings)[number];

/** How each field becomes columns. */
export type Schema = ReadonlyMap<string, Encoding>;

const name = z.string().max(limits.categoryBytesMax);
const distinct = z
  .array(z.string().max(limits.categoryBytesMax))
  .max(limits.encodingValuesMax)
  .refine((values) => new Set(values).size === values.length, "expected distinct values");
const count = z.int().min(1);
const share = z.number().min(0).max(1);

const feature = z.discriminatedUnion("encoding", [
  z.strictObject({ name, encoding: z.enum(["numeric", "hash", "binary"]) }),
  /** A value's number is its place here + 1. */
  z.strictObject({ name, encoding: z.literal("label"), values: distinct }),
  /** A value's column is its place here. */
  z.strictObject({ name, encoding: z.literal("onehot"), values: distinct }),
  z
    .strictObject({
      name,
      encoding: z.literal("frequency"),
      values: distinct,
      /** Rows by value. */
      counts: z.array(count).max(limits.encodingValuesMax),
      /** Rows that were not null, those of values that were not remembered among them. */
      total: z.int().min(0),
      /** What is shown of each value, and of one that is not known; absent = what the counts say. Of a stream they lag behind. */
      shares: z.array(share).max(limits.encodingValuesMax).optional(),
      unknown: share.optional(),
    })
    .refine(
      ({ values, counts, total }) =>
        counts.length === values.length && counts.reduce((sum, each) => sum + each, 0) <= total,
      "expected a count for each value and their sum at most the total",
    )
    .refine(
      ({ values, shares = values }) => shares.length === values.length,
      "expected a share for each value",
    ),
]);

/** What an encoder has learned, as JSON. */
export const encoderState = z
  .strictObject({
    /** Whether it goes on learning from rows. */
    stream: z.boolean(),
    /** Whether its columns are settled. */
    fixed: z.boolean(),
    /** In the order of their columns. */
    features: z.array(feature).min(1).max(limits.inputsMax),
  })
  .refine(
    ({ fixed, features }) =>
      !fixed ||
      features.every(
        (each) => each.encoding !== "onehot" || each.values.length <= limits.onehotValuesMax,
      ),
    "expected fewer onehot values",
  )
  .refine(
    ({ features }) => new Set(features.map((each) => each.name)).size === features.length,
    "expected distinct names",
  );

export type EncoderState = z.infer<typeof encoderState>;
export type FeatureState = z.infer<typeof feature>;
