import { z } from "zod";
import { detectorSpecSchema } from "./spec-schema.ts";

// What schemas are made of, and where the OpenAPI document finds those that have a name.

const components = z.registry<{ id: string }>();
const descriptions = new Map<string, string>();

/** A schema that the OpenAPI document has by a name. */
export function component<T extends z.ZodType>(id: string, description: string, schema: T): T {
  components.add(schema, { id });
  descriptions.set(id, description);
  return schema;
}

export const int64 = z
  .union([z.int(), z.string().regex(/^-?\d{1,20}$/)])
  .describe("int64: a number, or a decimal string");
export const uint64Text = z
  .string()
  .regex(/^\d{1,20}$/)
  .describe("uint64 as a decimal string");
export const uint32 = z.int().min(0).max(0xffffffff);
export const bytes = z.string().meta({ description: "base64", contentEncoding: "base64" });
export const double = z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"])]);

/** The components as JSON Schema (2020-12); what is nested becomes references to `#/components/schemas/`. */
export function componentSchemas(): Readonly<Record<string, Record<string, unknown>>> {
  const { schemas } = z.toJSONSchema(components, { uri: refTo, io: "input" });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => {
      const { $schema: _, $id: __, ...rest } = schema;
      const own = id === "DetectorSpec" ? detectorSpecSchema() : rest;
      return [id, { ...own, description: descriptions.get(id) }];
    }),
  );
}

/** The reference to a component. */
export function refOf(schema: z.ZodType): { readonly $ref: string } {
  const id = components.get(schema)?.id;
  if (id === undefined) throw new Error("only components are referred to");
  return { $ref: refTo(id) };
}

function refTo(id: string): string {
  return `#/components/schemas/${id}`;
}
