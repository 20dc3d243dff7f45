import { z } from "zod";
import type { FarmRoute } from "./openapi.ts";

// What the document says of buffers. Bodies are read by `buffers.ts`.

const count = z.int().min(0);
const period = z.int().min(1);
const row = z.record(z.string(), z.unknown()).describe("By column name; null = missing");
const rows = z.union([row, z.array(row)]);
const frame = z.object({
  object: z.literal("polars_data"),
  buffer_id: z.string(),
  rows: count,
  columns: z.array(z.string()),
  data: z.array(row),
});
const bufferStats = z.object({
  buffer_id: z.string(),
  size: count,
  window_size: count,
  columns: z.array(z.string()),
  numeric_columns: z.array(z.string()),
  memory_bytes: count,
  append_count: count,
  avg_append_ms: z.number(),
});
const listOf = (item: z.ZodType) =>
  z.object({ object: z.literal("list"), data: z.array(item), total: count });
const identified = z.object({ id: z.string() });
const unknown = "No such buffer";
const invalid = "The body does not fit: a list says where";

export const bufferRouteDescriptions = {
  create: {
    operationId: "createBuffer",
    summary: "Create a buffer of rows",
    body: z.object({ buffer_id: z.string(), window_size: z.int().min(10).default(1000) }),
    answer: z.object({
      object: z.literal("buffer_created"),
      buffer_id: z.string(),
      window_size: count,
      status: z.literal("created"),
    }),
    errors: {
      400: "The id is none",
      409: "It is there already",
      422: invalid,
      429: "Too many buffers",
    },
  },
  list: {
    operationId: "listBuffers",
    summary: "All buffers",
    answer: listOf(bufferStats),
  },
  get: {
    operationId: "getBuffer",
    summary: "A buffer's columns and counters",
    params: identified,
    answer: bufferStats,
    errors: { 400: "The id is none", 404: unknown },
  },
  delete: {
    operationId: "deleteBuffer",
    summary: "Delete a buffer",
    params: identified,
    answer: z.object({ deleted: z.literal(true), buffer_id: z.string() }),
    errors: { 400: "The id is none", 404: unknown },
  },
  clear: {
    operationId: "clearBuffer",
    summary: "Forget a buffer's rows",
    params: identified,
    answer: z.object({ cleared: z.literal(true), buffer_id: z.string(), size: z.literal(0) }),
    errors: { 400: "The id is none", 404: unknown },
  },
  append: {
    operationId: "appendRows",
    summary: "Append rows to a buffer",
    body: z.object({ buffer_id: z.string(), data: rows }),
    answer: z.object({
      object: z.literal("append_result"),
      buffer_id: z.string(),
      appended: count,
      buffer_size: count,
      avg_append_ms: z.number(),
    }),
    errors: { 404: unknown, 413: "Larger than the limit", 422: invalid },
  },
  features: {
    operationId: "computeFeatures",
    summary: "A buffer's rows with rolling features and lags",
    body: z.object({
      buffer_id: z.string(),
      rolling_windows: z.array(period).max(8).nullable().optional().describe("5, 10, 20"),
      include_rolling_stats: z
        .array(z.enum(["mean", "std", "min", "max"]))
        .nullable()
        .optional(),
      include_lags: z.boolean().default(true),
      lag_periods: z.array(period).max(8).nullable().optional().describe("1, 2, 3"),
      tail: z.int().nullable().optional().describe("The last rows only; null or 0 = all"),
    }),
    answer: frame,
    errors: { 404: unknown, 413: "Larger than the limit", 422: invalid },
  },
  data: {
    operationId: "getBufferData",
    summary: "A buffer's rows",
    params: identified,
    query: z.object({ tail: z.int().optional(), with_features: z.boolean().default(false) }),
    answer: frame,
    errors: { 404: unknown, 413: "Larger than the limit", 422: invalid },
  },
} satisfies Readonly<Record<string, FarmRoute>>;
