import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import type { z } from "zod";
import { WeirError } from "../../domain/errors.ts";
import { malformed } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { isObject, parseExactJson } from "./json.ts";

/** A body by its schema; its names also in snake_case, null = absent. INVALID_ARGUMENT with a violation for the first thing that is wrong. */
export function readBody<T extends z.ZodObject>(schema: T, body: unknown): z.output<T> {
  const read = schema.safeParse(fieldsOf(body));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  if (issue?.code === "unrecognized_keys") {
    const field = (issue.keys[0] ?? "body").slice(0, 64);
    const names = Object.keys(schema.shape).join(", ");
    const message = `there is no such field; expected one of ${names}`;
    throw WeirError.invalid("MALFORMED", field, message);
  }
  const field = issue?.path.join(".") ?? "body";
  throw WeirError.invalid("MALFORMED", field, issue?.message ?? "is not valid");
}

/** By camelCase name. */
function fieldsOf(body: unknown): object {
  const empty = body === undefined || (Buffer.isBuffer(body) && body.length === 0);
  const written = empty ? {} : parseExactJson(body);
  if (!isObject(written)) throw malformed("expected a JSON object as the body");
  const fields = new Map<string, unknown>();
  for (const [name, value] of Object.entries(written)) {
    const camel = name.replace(/_[a-z]/g, (letter) => letter.charAt(1).toUpperCase());
    if (fields.has(camel)) throw WeirError.invalid("MALFORMED", name, "given twice");
    if (value !== null) fields.set(camel, value);
  }
  return Object.fromEntries(fields);
}

/**
 * Answers with what `items` yields, as they are produced and as the client takes them. What fails before the first item is a problem as
 * everywhere; after it the connection breaks, so that nobody takes a part for the whole.
 */
export async function sendItems<Item>(
  reply: FastifyReply,
  gate: Gate,
  items: AsyncIterable<Item>,
  { type, encode }: { readonly type: string; readonly encode: (item: Item) => string | Uint8Array },
): Promise<FastifyReply> {
  const iterator = items[Symbol.asyncIterator]();
  const first = await iterator.next();
  async function* encoded(): AsyncGenerator<string | Uint8Array, void> {
    try {
      let next = first;
      while (next.done !== true) {
        if (gate.state === "draining") throw new Error("the server is stopping");
        yield encode(next.value);
        next = await iterator.next();
      }
    } finally {
      iterator.return?.().catch(() => undefined);
    }
  }
  const stream = Readable.from(encoded(), { objectMode: false, highWaterMark: 64 * 1024 });
  return reply.header("content-type", type).header("cache-control", "no-store").send(stream);
}
