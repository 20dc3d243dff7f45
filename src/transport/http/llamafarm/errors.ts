import type { FastifyReply } from "fastify";
import { Code, WeirError } from "../../../domain/errors.ts";
import { statusOf } from "../errors.ts";

/** One thing that is wrong with a body, as LlamaFarm's validation tells it. */
export interface BodyProblem {
  /** Its name for programs: `missing`, `int_parsing`, `greater_than_equal`. */
  readonly type: string;
  /** Without the leading "body" or "query". */
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/** A body that does not fit its endpoint: 422 with a list, or 400 with a text where `textOf` is asked for. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly problems: readonly BodyProblem[];
  readonly where: "body" | "query";

  constructor(problems: readonly BodyProblem[], where: "body" | "query" = "body") {
    super(problems.map(({ msg }) => msg).join("; "));
    this.problems = problems;
    this.where = where;
  }
}

/** An answer with a status of its own and `{"detail": text}`. */
export class DetailError extends Error {
  override readonly name = "DetailError";
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** An input in an error is shown up to this many characters of JSON; a longer one is cut and becomes text. */
const shownCharsMax = 1000;

/** Answers with `{"detail": ...}`: every error of LlamaFarm's paths. */
export function sendDetail(reply: FastifyReply, status: number, detail: unknown): void {
  reply
    .code(status)
    .header("content-type", "application/json; charset=utf-8")
    .send(JSON.stringify({ detail }));
}

/** Whatever was thrown, in LlamaFarm's form. */
export function sendError(reply: FastifyReply, thrown: unknown): void {
  if (thrown instanceof BodyError) {
    sendDetail(reply, 422, detailsOf(thrown));
    return;
  }
  if (thrown instanceof DetailError) {
    sendDetail(reply, thrown.status, thrown.message);
    return;
  }
  const error = WeirError.from(thrown);
  if (error.code === Code.INTERNAL) {
    sendDetail(reply, 500, "Internal Server Error");
    return;
  }
  if (error.reason === "UNSUPPORTED_MEDIA_TYPE") {
    sendDetail(reply, 422, detailsOf(notAnObject(null)));
    return;
  }
  if (error.retryAfterMs > 0) {
    reply.header("retry-after", String(Math.ceil(error.retryAfterMs / 1000)));
  }
  sendDetail(reply, statusOf(error), messageOf(error));
}

function messageOf(error: WeirError): string {
  if (error.reason === "NOT_FOUND") return "Not Found";
  return error.reason === "METHOD_NOT_ALLOWED" ? "Method Not Allowed" : error.message;
}

/** The list of a 422. */
export function detailsOf({ problems, where }: BodyError): readonly object[] {
  return problems.map(({ type, loc, msg, input, ctx }) => ({
    type,
    loc: [where, ...loc],
    msg,
    input: shown(input),
    ...(ctx === undefined ? {} : { ctx }),
  }));
}

/** The text of a 400, several lines; `model` is what LlamaFarm calls the request. */
export function textOf({ problems }: BodyError, model: string): string {
  const count = problems.length;
  const lines = problems.map(
    ({ type, loc, msg, input }) =>
      `${loc.join(".")}\n  ${msg} [type=${type}, input_value=${short(python(input, 0))}, input_type=${typeOf(input)}]`,
  );
  return [`${count} validation error${count === 1 ? "" : "s"} for ${model}`, ...lines].join("\n");
}

/** The body is JSON, but no object; or it did not come as JSON. */
export function notAnObject(input: unknown): BodyError {
  const msg = "Input should be a valid dictionary";
  return new BodyError([{ type: "dict_type", loc: [], msg, input }]);
}

function shown(input: unknown): unknown {
  const text = JSON.stringify(input);
  if (text === undefined || text.length <= shownCharsMax) return input ?? null;
  return `${text.slice(0, shownCharsMax)}...`;
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return "NoneType";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  if (typeof value === "string") return "str";
  if (typeof value === "boolean") return "bool";
  return Array.isArray(value) ? "list" : "dict";
}

/** A value as Python writes it; what is nested deeply or long is left out, it is cut anyway. */
function python(value: unknown, depth: number): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") return String(value);
  if (typeof value !== "object" || depth > 3) return "...";
  if (Array.isArray(value)) {
    return `[${ends(value.map((each: unknown) => () => python(each, depth + 1)))}]`;
  }
  const fields = Object.entries(value).map(
    ([name, each]) =>
      () =>
        `${quoted(name)}: ${python(each, depth + 1)}`,
  );
  return `{${ends(fields)}}`;
}

/** The first and the last elements: enough for a text whose middle is cut. */
function ends(parts: readonly (() => string)[]): string {
  const kept = parts.length > 60 ? [...parts.slice(0, 30), ...parts.slice(-30)] : parts;
  return kept.map((part) => part()).join(", ");
}

function quoted(text: string): string {
  const cut = text.length > 200 ? text.slice(0, 100) + text.slice(-100) : text;
  const quote = cut.includes("'") && !cut.includes('"') ? '"' : "'";
  const inside = JSON.stringify(cut).slice(1, -1).replaceAll('\\"', '"');
  return quote + (quote === "'" ? inside.replaceAll("'", "\\'") : inside) + quote;
}

function short(text: string): string {
  return text.length <= 50 ? text : `${text.slice(0, 25)}...${text.slice(-24)}`;
}
