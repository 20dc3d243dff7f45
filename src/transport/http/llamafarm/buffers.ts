import type { FastifyInstance, FastifyReply } from "fastify";
import type { RowBuffer } from "../../../buffers/buffer.ts";
import { statistics } from "../../../buffers/features.ts";
import type { FeatureRequest } from "../../../buffers/features.ts";
import { limits } from "../../../config/limits.ts";
import { isObject } from "../json.ts";
import { bufferRouteDescriptions as docs } from "./buffer-schemas.ts";
import { described } from "./openapi.ts";
import { DetailError } from "./errors.ts";
import { answer, JsonText, pathId } from "./parts.ts";
import type { LlamaFarmParts } from "./parts.ts";
import { bodyObject, BodyReader } from "./validate.ts";

export type BufferParts = LlamaFarmParts & Required<Pick<LlamaFarmParts, "rowBuffers">>;

interface Identified {
  Params: { id: string };
}

/** What LlamaFarm computes where a request names nothing. */
const defaults = { windowRows: 1000, windows: [5, 10, 20], lags: [1, 2, 3] } as const;

const periodBounds = { min: 1, max: limits.bufferRowsMax } as const;

/** Buffers of rows and their rolling features: LlamaFarm's Polars API, below `prefix`. */
export function bufferRoutes(app: FastifyInstance, prefix: string, parts: BufferParts): void {
  const { buffers } = parts.rowBuffers;
  const at = `${prefix}/polars`;
  app.post(`${at}/buffers`, described(prefix, docs.create), (request, reply) =>
    answer(parts, request, reply, () => {
      const body = new BodyReader(bodyObject(request.body));
      const id = readNewId(body);
      const windowRows = body.integer("window_size", {
        initial: defaults.windowRows,
        min: 10,
        max: limits.bufferRowsMax,
      });
      body.check();
      checkReachable(id);
      buffers.create(id, windowRows);
      return {
        object: "buffer_created",
        buffer_id: id,
        window_size: windowRows,
        status: "created",
      };
    }),
  );
  app.get(`${at}/buffers`, described(prefix, docs.list), (request, reply) =>
    answer(parts, request, reply, () => {
      const data = buffers.list().map(describeBuffer);
      return { object: "list", data, total: data.length };
    }),
  );
  app.get<Identified>(`${at}/buffers/:id`, described(prefix, docs.get), (request, reply) =>
    answer(parts, request, reply, () =>
      describeBuffer(buffers.get(pathId(request.params.id, "buffer_id"))),
    ),
  );
  app.delete<Identified>(`${at}/buffers/:id`, described(prefix, docs.delete), (request, reply) =>
    answer(parts, request, reply, () => {
      const id = pathId(request.params.id, "buffer_id");
      buffers.remove(id);
      return { deleted: true, buffer_id: id };
    }),
  );
  app.post<Identified>(`${at}/buffers/:id/clear`, described(prefix, docs.clear), (request, reply) =>
    answer(parts, request, reply, () => {
      const id = pathId(request.params.id, "buffer_id");
      buffers.clear(id);
      return { cleared: true, buffer_id: id, size: 0 };
    }),
  );
  rowRoutes(app, prefix, parts);
}

function rowRoutes(app: FastifyInstance, prefix: string, parts: BufferParts): void {
  const at = `${prefix}/polars`;
  const { buffers, frames } = parts.rowBuffers;
  const frame = async (reply: FastifyReply, buffer: RowBuffer, wanted: FeatureRequest) => {
    const text = await frames.write(buffer, wanted);
    if (!reply.raw.closed) reply.raw.once("close", frames.hold(text.length));
    return new JsonText(text);
  };
  app.post(`${at}/append`, described(prefix, docs.append), (request, reply) =>
    answer(parts, request, reply, () => {
      const body = new BodyReader(bodyObject(request.body));
      const id = body.text("buffer_id");
      const rows = body.objects("data");
      body.check();
      const buffer = buffers.append(id, rows);
      return {
        object: "append_result",
        buffer_id: id,
        appended: rows.length,
        buffer_size: buffer.rows,
        avg_append_ms: appendMs(buffer),
      };
    }),
  );
  app.post(`${at}/features`, described(prefix, docs.features), (request, reply) =>
    answer(parts, request, reply, async () => {
      const body = new BodyReader(bodyObject(request.body));
      const id = body.text("buffer_id");
      const wanted = readFeatures(body);
      body.check();
      return await frame(reply, buffers.get(id), wanted);
    }),
  );
  app.get<Identified>(`${at}/buffers/:id/data`, described(prefix, docs.data), (request, reply) =>
    answer(parts, request, reply, async () => {
      const query = new BodyReader(isObject(request.query) ? request.query : {}, "query");
      const tail = query.optionalInteger("tail") ?? 0;
      const withFeatures = query.flag("with_features", false);
      query.check();
      const buffer = buffers.get(pathId(request.params.id, "buffer_id"));
      const none = { windows: [], lags: [] };
      const features = withFeatures ? defaults : none;
      return await frame(reply, buffer, { ...features, statistics, tail });
    }),
  );
}

/** The id of a buffer to be made: it is kept, and named in every answer. */
function readNewId(body: BodyReader): string {
  const id = body.text("buffer_id");
  const most = limits.bufferIdCharsMax;
  if (id.length > most) {
    body.add(["buffer_id"], id, {
      type: "string_too_long",
      msg: `String should have at most ${most} characters`,
      ctx: { max_length: most },
    });
  }
  return id;
}

/** Other ids could be made, and never be asked for by a path. */
function checkReachable(id: string): void {
  if (id !== "" && !/[/\\]|\.\./.test(id)) return;
  throw new DetailError(
    400,
    `Invalid buffer_id: ${id} (expected at least one character, and no "/", "\\" or "..")`,
  );
}

function readFeatures(body: BodyReader): FeatureRequest {
  const windows = body.integers("rolling_windows", periodBounds) ?? defaults.windows;
  const wanted = body.choices("include_rolling_stats", statistics) ?? statistics;
  const lagged = body.flag("include_lags", true);
  const lags = body.integers("lag_periods", periodBounds) ?? defaults.lags;
  const tail = body.optionalInteger("tail") ?? 0;
  for (const [name, list] of [
    ["rolling_windows", windows],
    ["lag_periods", lags],
  ] as const) {
    if (list.length > limits.periodsMax) {
      body.add([name], list.length, {
        type: "too_long",
        msg: `List should have at most ${limits.periodsMax} items`,
        ctx: { max_length: limits.periodsMax },
      });
    }
  }
  return {
    windows: [...new Set(windows)],
    lags: lagged ? [...new Set(lags)] : [],
    statistics: statistics.filter((statistic) => wanted.includes(statistic)),
    tail,
  };
}

function describeBuffer(buffer: RowBuffer): object {
  const { columns } = buffer;
  return {
    buffer_id: buffer.id,
    size: buffer.rows,
    window_size: buffer.windowRows,
    columns: columns.map(({ name }) => name),
    numeric_columns: columns.filter((column) => column.isNumeric).map(({ name }) => name),
    memory_bytes: buffer.bytes,
    append_count: buffer.appended,
    avg_append_ms: appendMs(buffer),
  };
}

function appendMs(buffer: RowBuffer): number {
  return buffer.appended === 0 ? 0 : buffer.appendMs / buffer.appended;
}
