import { normalizeSpec } from "../../../config/detector-spec.ts";
import { limits } from "../../../config/limits.ts";
import { camelCase, describeParameters } from "../../../config/window-spec.ts";
import type { DetectorConfig, Encoding, Scaler } from "../../../domain/detector.ts";
import { Code, WeirError } from "../../../domain/errors.ts";
import { completeParameters, isKind, kinds, llamafarmParameters } from "../../../models/kinds.ts";
import type { Kind } from "../../../models/kinds.ts";
import type { Normalization } from "../../../models/module.ts";
import { isObject } from "../json.ts";
import { BodyError, DetailError, textOf } from "./errors.ts";
import { BodyReader, bodyObject, type Row } from "./validate.ts";

/** POST anomaly/stream, read and in range. The configuration counts only where the request creates its detector. */
export interface StreamRequest {
  readonly model: string;
  readonly data: readonly Row[];
  readonly backend: Kind;
  readonly minSamples: number;
  readonly retrainInterval: number;
  readonly windowSize: number;
  readonly contamination: number;
  readonly threshold: number;
  readonly rollingWindows: readonly number[];
  readonly lagPeriods: readonly number[];
  readonly normalization: Normalization;
  readonly scaler: Scaler;
  readonly flaggedRows: "keep" | "drop";
  /** By field; null = the fields are discovered. */
  readonly schema: ReadonlyMap<string, "numeric" | Encoding> | null;
  /** Hyper-parameters by PyOD's names. */
  readonly parameters: Row;
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

const backends = Object.keys(kinds).filter(isKind);
const encodings = ["numeric", "hash", "label", "onehot", "binary", "frequency"] as const;
/** `standardization` means LlamaFarm's streaming sigmoid here. */
const normalizations = [
  "calibrated",
  "llamafarm_stream",
  "standardization",
  "zscore",
  "raw",
] as const;
const scalers = ["none", "standard", "min_max", "robust"] as const;
const flaggedRows = ["keep", "drop"] as const;
const defaultLags: readonly number[] = [1, 2, 3];

const initial: StreamRequest = {
  model: "default-stream",
  data: [],
  backend: "ecod",
  minSamples: 50,
  retrainInterval: 100,
  windowSize: 1000,
  contamination: 0.1,
  threshold: 0.5,
  rollingWindows: [],
  lagPeriods: [],
  normalization: "calibrated",
  scaler: "none",
  flaggedRows: "keep",
  schema: null,
  parameters: {},
};

/** A body as a request. Throws 422 for what is no object, 400 with a text for fields that are wrong, 413 for too many points. */
export function readStreamRequest(body: unknown): StreamRequest {
  const object = bodyObject(body);
  const request = quick(object) ?? thorough(object);
  if (request.data.length > limits.llamafarmRowsMax) {
    throw new WeirError(
      Code.RESOURCE_EXHAUSTED,
      "TOO_MANY_ROWS",
      `data: ${request.data.length} points are over ${limits.llamafarmRowsMax}, the limit of one request; send more requests`,
    );
  }
  return request;
}

/** The common body, whose fields are of the right type and in range as they are; undefined = it takes a closer look. */
function quick(body: Row): StreamRequest | undefined {
  const request: Mutable<StreamRequest> = { ...initial };
  for (const name of Object.keys(body)) {
    const take = quickFields.get(name);
    if (take !== undefined && !take(request, body[name])) return undefined;
  }
  return Object.hasOwn(body, "data") ? request : undefined;
}

/** Whether the value was taken. What only the creating request needs, and few send, is left to the closer look. */
const quickFields: ReadonlyMap<string, (into: Mutable<StreamRequest>, value: unknown) => boolean> =
  new Map([
    ["model", (into, value) => typeof value === "string" && set(into, "model", value)],
    ["data", takeData],
    [
      "backend",
      (into, value) => typeof value === "string" && isKind(value) && set(into, "backend", value),
    ],
    ["min_samples", (into, value) => whole(value, 10) && set(into, "minSamples", value)],
    ["retrain_interval", (into, value) => whole(value, 10) && set(into, "retrainInterval", value)],
    ["window_size", (into, value) => whole(value, 50) && set(into, "windowSize", value)],
    [
      "contamination",
      (into, value) => inside(value, Number.MIN_VALUE, 0.5) && set(into, "contamination", value),
    ],
    ["threshold", (into, value) => inside(value, 0, 1) && set(into, "threshold", value)],
    ...["rolling_windows", "include_lags", "lag_periods", "normalization"].map(closer),
    ...["scaler", "flagged_rows", "schema", "parameters"].map(closer),
  ]);

function closer(name: string): [string, () => boolean] {
  return [name, () => false];
}

function set<Name extends keyof StreamRequest>(
  into: Mutable<StreamRequest>,
  name: Name,
  value: StreamRequest[Name],
): true {
  into[name] = value;
  return true;
}

function takeData(into: Mutable<StreamRequest>, value: unknown): boolean {
  if (isObject(value)) return set(into, "data", [value]);
  return Array.isArray(value) && value.every(isObject) && set(into, "data", value);
}

function whole(value: unknown, min: number): value is number {
  return Number.isInteger(value) && inside(value, min, limits.windowRowsMax);
}

function inside(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && value >= min && value <= max;
}

function thorough(body: Row): StreamRequest {
  const reader = new BodyReader(body);
  const request = readFields(reader);
  try {
    reader.check();
  } catch (error) {
    if (error instanceof BodyError)
      throw new DetailError(400, textOf(error, "AnomalyStreamRequest"));
    throw error;
  }
  return request;
}

function readFields(reader: BodyReader): StreamRequest {
  const most = limits.windowRowsMax;
  const normalization = reader.choice("normalization", normalizations, initial.normalization);
  const open = normalization === "raw" || normalization === "zscore";
  return {
    model: reader.text("model", initial.model),
    data: reader.objects("data"),
    backend: reader.choice("backend", backends, initial.backend),
    minSamples: reader.integer("min_samples", {
      min: 10,
      max: limits.minSamplesMax,
      initial: initial.minSamples,
    }),
    retrainInterval: reader.integer("retrain_interval", {
      min: 10,
      max: limits.retrainIntervalMax,
      initial: initial.retrainInterval,
    }),
    windowSize: reader.integer("window_size", { min: 50, max: most, initial: initial.windowSize }),
    contamination: reader.number("contamination", { above: 0, max: 0.5, initial: 0.1 }),
    threshold: reader.number(
      "threshold",
      open
        ? { min: -limits.magnitudeMax, max: limits.magnitudeMax, initial: 0.5 }
        : { min: 0, max: 1, initial: initial.threshold },
    ),
    ...readPeriods(reader),
    normalization: normalization === "standardization" ? "llamafarm_stream" : normalization,
    scaler: reader.choice("scaler", scalers, initial.scaler),
    flaggedRows: reader.choice("flagged_rows", flaggedRows, initial.flaggedRows),
    schema: readSchema(reader),
    parameters: reader.optionalObject("parameters") ?? {},
  };
}

/** Each period once; lag periods count only when lags are on, with or without rolling windows. */
function readPeriods(reader: BodyReader): Pick<StreamRequest, "rollingWindows" | "lagPeriods"> {
  const bounds = { min: 1, max: limits.windowRowsMax };
  const windows = [...new Set(reader.integers("rolling_windows", bounds))];
  const lags = [...new Set(reader.integers("lag_periods", bounds) ?? defaultLags)];
  for (const [name, periods] of [
    ["rolling_windows", windows],
    ["lag_periods", lags],
  ] as const) {
    if (periods.length <= limits.periodsMax) continue;
    reader.add([name], periods, {
      type: "too_long",
      msg: `List should have at most ${limits.periodsMax} items after validation, not ${periods.length}`,
      ctx: { max_length: limits.periodsMax },
    });
  }
  return {
    rollingWindows: windows,
    lagPeriods: reader.flag("include_lags", false) ? lags : [],
  };
}

function readSchema(reader: BodyReader): StreamRequest["schema"] {
  const given = reader.optionalObject("schema");
  if (given === null) return null;
  const fields = Object.entries(given).map(([name, value]) => {
    const encoding = encodings.find((each) => each === value);
    if (encoding === undefined) {
      const available = encodings.map((each) => `'${each}'`).join(", ");
      reader.add(["schema", name], value, {
        type: "value_error",
        msg: `Unknown encoding type: ${JSON.stringify(value)}. Available: [${available}]`,
      });
    }
    return [name, encoding ?? "numeric"] as const;
  });
  return fields.length === 0 ? null : new Map(fields);
}

/** The detector that the request creates. Throws INVALID_ARGUMENT for hyper-parameters that the kind does not have. */
export function detectorConfig(request: StreamRequest): DetectorConfig {
  const { backend, contamination, schema } = request;
  return normalizeSpec(
    {
      inputs: [...(schema ?? [])].map(([name, encoding]) =>
        encoding === "numeric"
          ? { name, missing: "model" }
          : { name, type: "category", missing: "model", encoding },
      ),
      [backend]: hyperParameters(request),
      scaler: request.scaler,
      threshold: request.threshold,
      window: {
        rows: request.windowSize,
        min_samples: request.minSamples,
        retrain_interval: request.retrainInterval,
        flagged_rows: request.flaggedRows,
      },
      contamination,
      normalization: request.normalization,
      rolling_windows: request.rollingWindows,
      lag_periods: request.lagPeriods,
    },
    "",
  );
}

/** The request's, and LlamaFarm's for what it does not set. */
function hyperParameters({ backend, contamination, parameters }: StreamRequest): Row {
  const known = completeParameters(backend, llamafarmParameters(backend, contamination));
  const given = new Set(Object.keys(parameters).map(camelCase));
  const rest = Object.entries(describeParameters(backend, known)).filter(
    ([name]) => !given.has(name),
  );
  return { ...Object.fromEntries(rest), ...parameters };
}
