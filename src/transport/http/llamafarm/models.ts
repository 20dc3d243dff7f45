import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { schemaOf } from "../../../encode/encoder.ts";
import type { EncoderState } from "../../../encode/state.ts";
import { FittedError } from "../../../fitted/errors.ts";
import type { FittedReason } from "../../../fitted/errors.ts";
import type { FittedModel, FittedModels, ModelKey } from "../../../fitted/fitted-models.ts";
import type { StoredModel } from "../../../fitted/model-directory.ts";
import { baseNameOf } from "../../../fitted/names.ts";
import type { Explained } from "../../../models/pool.ts";
import { TrainerDied } from "../../../models/pool.ts";
import { TrainingError } from "../../../models/training.ts";
import { limits } from "../../../config/limits.ts";
import { DetailError } from "./errors.ts";
import { readFit, readLoad, readSave, readScore, tableFor } from "./model-requests.ts";
import type { ScoreRequest } from "./model-requests.ts";
import { describedModelRoute } from "./model-schemas.ts";
import { answer, pathId } from "./parts.ts";
import type { LlamaFarmParts } from "./parts.ts";
import type { Rows } from "./validate.ts";

export interface ModelParts extends LlamaFarmParts {
  readonly fitted: FittedModels;
}

interface InPath {
  Params: { filename: string };
}

/** Rows as they were scored. */
interface Scored {
  readonly fitted: FittedModel;
  /** What a score is compared with. */
  readonly threshold: number;
  readonly rows: Rows;
  readonly raws: Float64Array;
  readonly scores: Float64Array;
  readonly explained: Explained | undefined;
}

/** Names of models told where one is not found. */
const namesTold = 20;

/** Fit, score and detect on rows of one request, and the models' files, below `prefix`. */
export function modelRoutes(app: FastifyInstance, prefix: string, parts: ModelParts): void {
  const at = `${prefix}/anomaly`;
  const { fitted } = parts;
  const describe = (name: Parameters<typeof describedModelRoute>[1]) =>
    describedModelRoute(prefix, name);
  const route = (
    request: FastifyRequest,
    reply: FastifyReply,
    handle: () => Promise<unknown>,
  ): Promise<void> => answer(parts, request, reply, () => handle().catch(rethrow));
  app.post(`${at}/fit`, describe("fit"), (request, reply) =>
    route(request, reply, () => fit(fitted, request.body)),
  );
  app.post(`${at}/score`, describe("score"), (request, reply) =>
    route(request, reply, async () => describeScored(await score(fitted, request.body, "score"))),
  );
  app.post(`${at}/detect`, describe("detect"), (request, reply) =>
    route(request, reply, async () =>
      describeDetected(await score(fitted, request.body, "detect")),
    ),
  );
  app.post(`${at}/save`, describe("save"), (request, reply) =>
    route(request, reply, () => save(fitted, request.body)),
  );
  app.post(`${at}/load`, describe("load"), (request, reply) =>
    route(request, reply, () => load(fitted, request.body)),
  );
  app.get(`${at}/models`, describe("list"), (request, reply) =>
    route(request, reply, async () => {
      const data = (await fitted.list()).map(describeStored);
      return { object: "list", data, total: data.length };
    }),
  );
  app.delete<InPath>(`${at}/models/:filename`, describe("delete"), (request, reply) =>
    route(request, reply, async () => {
      const filename = pathId(request.params.filename, "filename");
      await fitted.delete(filename);
      return { object: "delete_result", filename, deleted: true };
    }),
  );
}

const statuses: Readonly<Record<FittedReason, number>> = {
  invalid: 400,
  not_fitted: 400,
  no_file: 404,
  unreadable: 400,
  too_large: 413,
  too_many: 429,
};

/** What a request's data did is the client's to see. */
function rethrow(error: unknown): never {
  if (error instanceof FittedError) {
    throw new DetailError(statuses[error.reason], error.message);
  }
  if (error instanceof TrainerDied) throw new DetailError(500, error.message);
  if (error instanceof TrainingError) throw new DetailError(400, error.message);
  throw error;
}

async function fit(models: FittedModels, body: unknown): Promise<object> {
  const request = await readFit(body);
  const { fitted, stored, trainingMs } = await models.fit(request);
  const { header } = fitted;
  return {
    object: "fit_result",
    model: header.name,
    backend: header.kind,
    samples_fitted: header.rows,
    training_time_ms: trainingMs,
    model_params: {
      backend: header.kind,
      contamination: header.contamination,
      threshold: header.threshold,
      input_dim: header.columns.length,
    },
    encoder: header.encoder === null ? null : describeEncoder(header.encoder),
    saved_path: stored.path,
    status: "fitted",
    base_name: request.name,
    versioned_name: header.name,
    overwrite: request.overwrite,
  };
}

async function score(
  models: FittedModels,
  body: unknown,
  call: "score" | "detect",
): Promise<Scored> {
  const request = readScore(body);
  const fitted = await findFitted(models, request, call);
  const table = await tableFor(fitted, request.rows, body);
  const explain = request.explain && call === "score";
  if (explain && table.values.length > limits.explainedNumbersMax) {
    const max = Math.floor(limits.explainedNumbersMax / table.columns);
    throw new DetailError(413, `data has ${table.rows} rows, at most ${max} are explained at once`);
  }
  const { raws, scores, explained } = await models.score(fitted, table.values, explain);
  const threshold = request.threshold ?? fitted.header.threshold;
  return { fitted, threshold, rows: request.rows, raws, scores, explained };
}

async function findFitted(
  models: FittedModels,
  request: ScoreRequest,
  call: "score" | "detect",
): Promise<FittedModel> {
  const { kind, normalization } = request;
  const name = await models.resolve(request);
  const found = await models.find({ name, kind, normalization });
  if (found !== undefined) return found;
  const alternative = call === "score" ? " or load a pre-trained model" : "";
  throw new DetailError(400, `Model not fitted. Call /v1/anomaly/fit first${alternative}.`);
}

function describeScored(scored: Scored): object {
  const { fitted, threshold, raws, scores, explained } = scored;
  const data = Array.from(scores, (value, index) => ({
    index,
    score: value,
    is_anomaly: value > threshold,
    raw_score: raws[index] ?? null,
    ...(explained === undefined ? {} : { explanation: explanationOf(scored, explained, index) }),
  }));
  const count = data.filter((each) => each.is_anomaly).length;
  return {
    object: "list",
    data,
    total_count: data.length,
    model: fitted.header.name,
    backend: fitted.header.kind,
    summary: {
      total_points: data.length,
      anomaly_count: count,
      anomaly_rate: count / data.length,
      threshold: summaryThreshold(scored),
    },
  };
}

function describeDetected(scored: Scored): object {
  const { fitted, threshold, raws, scores } = scored;
  const data = Array.from(scores, (value, index) => ({
    index,
    score: value,
    raw_score: raws[index] ?? null,
  })).filter((each) => each.score > threshold);
  return {
    object: "list",
    data,
    total_count: data.length,
    model: fitted.header.name,
    backend: fitted.header.kind,
    summary: { anomalies_detected: data.length, threshold: summaryThreshold(scored) },
  };
}

/** LlamaFarm tells the model's threshold where a request asked for 0, which it compares with all the same. */
function summaryThreshold({ threshold, fitted }: Scored): number {
  return threshold === 0 ? fitted.header.threshold : threshold;
}

/** What each field did to a score, the largest first; the columns of one field count together. */
function explanationOf(scored: Scored, explained: Explained, index: number): object {
  const { header, encoder } = scored.fitted;
  const fields = encoder?.fields ?? header.columns;
  const first = index * fields.length;
  const sums = new Map<string, number>();
  for (const [column, field] of fields.entries()) {
    const contribution = explained.contributions[first + column] ?? 0;
    sums.set(field, (sums.get(field) ?? 0) + contribution);
  }
  const contributions = Array.from(sums, ([feature, contribution], field) => ({
    feature,
    value: valueOf(scored.rows, index, feature, field),
    contribution,
  })).toSorted((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  return { baseline: explained.baselines[index] ?? null, contributions };
}

/** As it was sent; null = missing. */
function valueOf(rows: Rows, row: number, name: string, column: number): unknown {
  if (rows.kind === "objects") {
    const object = rows.objects[row] ?? {};
    return Object.hasOwn(object, name) ? object[name] : null;
  }
  const value = rows.lists[row]?.[column] ?? Number.NaN;
  return Number.isNaN(value) ? null : value;
}

async function load(models: FittedModels, body: unknown): Promise<object> {
  const { name, kind } = readLoad(body);
  const resolved = await models.resolve({ name, kind });
  const fitted = await models.load(resolved, kind).catch(async (error: unknown) => {
    if (!(error instanceof FittedError) || error.reason !== "no_file") throw error;
    const all = await models.list();
    const names = all.slice(0, namesTold).map(({ fileName }) => `'${fileName}'`);
    const more = all.length > namesTold ? ", ..." : "";
    throw new DetailError(
      404,
      `Model '${name}' with backend '${kind}' not found. Available models: [${names.join(", ")}${more}]`,
    );
  });
  const { header, fileName } = fitted;
  return {
    object: "load_result",
    model: header.name,
    backend: header.kind,
    normalization: header.normalization,
    filename: fileName,
    is_fitted: true,
    threshold: header.threshold,
    encoder_loaded: header.encoder !== null,
    encoder_schema: header.encoder === null ? null : schemaOf(header.encoder),
    status: "loaded",
  };
}

/** LlamaFarm documents this and has removed it, since a fit saves by itself. */
async function save(models: FittedModels, body: unknown): Promise<object> {
  const { key, description } = readSave(body);
  const stored = await models.save(key, description).catch((error: unknown) => {
    if (!(error instanceof FittedError) || error.reason !== "not_fitted") throw error;
    throw new DetailError(400, "Model not fitted. Call /v1/anomaly/fit first.");
  });
  return describeSaved(key, stored);
}

function describeSaved({ name, kind }: ModelKey, { fileName, path }: StoredModel): object {
  return {
    object: "save_result",
    model: name,
    backend: kind,
    filename: fileName,
    path,
    // It is in the model's file.
    encoder_path: null,
    status: "saved",
  };
}

function describeStored(stored: StoredModel): object {
  return {
    name: stored.name,
    filename: stored.fileName,
    base_name: baseNameOf(stored.name),
    backend: stored.kind,
    path: stored.path,
    size_bytes: stored.bytes,
    created: stored.created,
    is_versioned: stored.versioned,
    description: stored.description,
  };
}

function describeEncoder(state: EncoderState): object {
  return { schema: schemaOf(state), features: state.features.map(({ name }) => name) };
}
