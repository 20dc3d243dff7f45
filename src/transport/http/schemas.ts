import { z } from "zod";
import { limits } from "../../config/limits.ts";
import { sourceNames, stateNames } from "../../alerts/json.ts";
import { timelinessNames } from "../verdict-json.ts";
import { bytes, component, double, int64, uint32, uint64Text } from "./schema-components.ts";

// What HTTP takes and answers, once: queries are validated with these schemas, and all of them are in the OpenAPI document.
// Bodies are read by `decode.ts` (the hot path) and by `normalizeSpec`; tests hold those to these schemas.

const event = component(
  "Event",
  "One row by name.",
  z.strictObject({
    id: z
      .string()
      .optional()
      .describe("Seen before for this key: the first verdict again, nothing learned"),
    key: z
      .string()
      .optional()
      .describe('The entity that owns the state; absent or "" = the global state'),
    timeUnixMs: int64.optional().describe("Event time, Unix ms, within +-(2^53 - 1); 0 = arrival"),
    numbers: z
      .record(z.string(), double.nullable())
      .optional()
      .describe("By input name; absent, null or NaN = missing"),
    categories: z.record(z.string(), z.string().nullable()).optional(),
    values: z
      .array(double.nullable())
      .optional()
      .describe("Instead of numbers: every numeric input in the detector's order"),
    systemAction: z
      .string()
      .optional()
      .describe("A known intervention is in effect: scored, flagged, never alerted on"),
  }),
);

const frame = component(
  "Frame",
  "Packed rows: little-endian arrays in base64, one element a row unless said otherwise.",
  z.strictObject({
    rows: uint32,
    values: bytes.optional().describe("float64, row-major, rows x numeric inputs; NaN = missing"),
    keys: z.array(z.string()).optional().describe("Distinct keys; empty = the global state"),
    keyIndex: bytes.optional().describe("uint32 into keys"),
    timesUnixMs: bytes.optional().describe("int64; empty = arrival"),
    ids: z.array(z.string()).optional().describe("One a row, or none"),
    schema: uint32.optional().describe("DetectorStatus.schema; 0 = unchecked"),
    categories: z.array(z.string()).optional(),
    categoryIndex: bytes
      .optional()
      .describe("uint32 into categories, rows x categorical inputs; 0xffffffff = missing"),
    systemActions: z.array(z.string()).optional(),
    systemActionIndex: bytes.optional().describe("uint32 into systemActions; 0xffffffff = none"),
  }),
);

const modeNames = [
  "MODE_UNSPECIFIED",
  "MODE_SCORE_AND_LEARN",
  "MODE_SCORE_ONLY",
  "MODE_LEARN_ONLY",
  "MODE_HEARTBEAT",
];

/** The body of POST /v1/detectors/{name}/score. */
export const scoreRequest = component(
  "ScoreRequest",
  "The proto3 JSON mapping of weir.v1.ScoreRequest. Exactly one of events and frame, with at least one row.",
  z.strictObject({
    detector: z.string().optional().describe("As in the path, where given"),
    events: z.array(event).max(limits.requestRowsMax).optional(),
    frame: frame.optional(),
    mode: z.union([z.enum(modeNames), z.int().min(0).max(4)]).optional(),
    timeoutMs: uint32
      .max(limits.timeoutMsMax)
      .optional()
      .describe("Answer budget; 0 = the detector's"),
    explain: z.boolean().optional().describe("Fill Verdict.reasons"),
    features: z.boolean().optional().describe("Fill Verdict.features"),
  }),
);

const sourceName = z.enum(["SOURCE_UNSPECIFIED", ...Object.values(sourceNames)]);
const stateName = z.enum(["STATE_UNSPECIFIED", ...Object.values(stateNames)]);

export const verdict = component(
  "Verdict",
  "The answer to one event.",
  z.strictObject({
    eventId: z.string().optional(),
    score: double.optional().describe("0 normal .. 1 anomalous; absent while COLLECTING"),
    anomaly: z.boolean(),
    source: sourceName,
    state: stateName,
    rawScore: double,
    modelVersion: uint32,
    threshold: double,
    reasons: z
      .array(
        z.strictObject({
          feature: z.string(),
          contribution: double,
          value: double,
          expected: double,
          text: z
            .string()
            .optional()
            .describe("Of a derived feature: amount is 9.1x this key's mean of 30 days"),
        }),
      )
      .optional()
      .describe("Strongest first"),
    baseline: double.optional().describe("baseline + the sum of the contributions = score"),
    defaulted: z
      .array(z.string())
      .optional()
      .describe("Inputs that were missing, and features without a value, that took their default"),
    rule: z.string().optional(),
    systemAction: z.boolean().optional(),
    replayed: z.boolean().optional(),
    features: z
      .array(z.number())
      .optional()
      .describe("When asked for: in the order of DetectorSpec.features"),
    timeliness: z.enum(timelinessNames).optional().describe("Absent = on time"),
    durable: z
      .boolean()
      .optional()
      .describe("The event is on disk: it survives a crash. Only such a verdict acknowledges it"),
  }),
);

/** The answer of POST /v1/detectors/{name}/score. */
export const scoreResponse = component(
  "ScoreResponse",
  "verdicts, one an event in the request's order; or frame, when the request was packed.",
  z.strictObject({
    verdicts: z.array(verdict).optional(),
    frame: z
      .strictObject({
        scores: bytes.describe("float64; NaN while COLLECTING"),
        rawScores: bytes.describe("float64"),
        anomalies: bytes.describe("uint8, 0 or 1"),
        sources: bytes.describe("uint8, the numbers of Source"),
        states: bytes.describe("uint8, the numbers of State"),
        modelVersion: uint32.optional().describe("Of all rows, where they agree"),
        modelVersions: bytes.optional().describe("uint32; absent where they agree"),
        defaulted: bytes.optional().describe("Bits, rows x inputs, each row from a new byte"),
        replayed: bytes.optional().describe("uint8; absent = none"),
        features: bytes
          .optional()
          .describe("float64, rows x features; NaN = the row has none, as after a fallback"),
        defaultedFeatures: bytes
          .optional()
          .describe("Bits, rows x features, each row from a new byte; absent = none"),
        timeliness: bytes.optional().describe("uint8, the numbers of Timeliness; absent = all 0"),
        durable: z.boolean().optional().describe("Of all rows, where they agree"),
        durables: bytes.optional().describe("uint8, 0 or 1; absent where they agree"),
      })
      .optional(),
  }),
);

/** The body of POST /v1/detectors/{name}/features. */
export const featureRequest = component(
  "GetFeaturesRequest",
  "The proto3 JSON mapping of weir.v1.GetFeaturesRequest.",
  z.strictObject({
    detector: z.string().optional().describe("As in the path, where given"),
    keys: z.array(z.string()).min(1).max(limits.readKeysMax),
    timeUnixMs: int64.optional().describe("As of, Unix ms, within +-(2^53 - 1); 0 = arrival"),
    features: z.array(z.string()).optional().describe("Names; none = all"),
  }),
);

/** The query of GET /v1/detectors/{name}/features. */
export const featureQuery = z.strictObject({
  key: z.string({ error: "expected one key; a POST takes many" }),
  timeUnixMs: z.coerce
    .number({ error: "expected whole milliseconds" })
    .default(0)
    .describe("As of, Unix ms, within +-(2^53 - 1); 0 = arrival"),
  features: z
    .union([z.string().transform((name) => [name]), z.array(z.string())])
    .default([])
    .describe("Repeatable; none = all"),
});

/** The answer of both. */
export const featureResponse = component(
  "GetFeaturesResponse",
  "The features of keys as of one time, the keys in the request's order.",
  z.strictObject({
    features: z.array(z.string()).describe("Names, in the order of values"),
    keys: z.array(
      z.strictObject({
        key: z.string(),
        known: z.boolean().describe("false = the values are those of any unknown key"),
        values: z.array(z.number()).describe("As if nothing came at that time"),
        defaulted: z.array(z.string()).optional().describe("Features that took their default"),
        exact: z.boolean().describe("No window is made of panes"),
        covered: z.boolean().describe("The key's log reaches back far enough for all windows"),
      }),
    ),
    timeUnixMs: z.string().describe("As of: int64 as a decimal string"),
  }),
);

/** The body of PUT /v1/detectors/{name}: the configuration file's schema, see `detectorSpecSchema`. */
export const detectorSpec = component(
  "DetectorSpec",
  "The proto3 JSON mapping of weir.v1.DetectorSpec; names also in snake_case, enums also by short name (standard) or number.",
  z.looseObject({}),
);

/** The body of POST /v1/detectors. */
export const createDetectorRequest = component(
  "CreateDetectorRequest",
  "A detector with its name.",
  z.strictObject({ name: z.string().min(1), spec: detectorSpec }),
);

const trainingStatus = component(
  "TrainingStatus",
  "How the models of a detector come about that trains them on a window. Of windows that are each key's own: state, trainings, failures and swaps only.",
  z.strictObject({
    state: stateName,
    windowRows: uint32.describe("Rows in the window now"),
    rowsUntilReady: uint32.describe("Before the first training"),
    rowsSinceTraining: uint64Text.describe("Since the window that the model was trained on"),
    trainings: uint64Text.describe("That gave a model"),
    failures: uint64Text,
    lastTrainingMs: z.number(),
    swaps: z
      .array(
        z.strictObject({
          version: uint32,
          trainedAt: uint64Text.describe("The last row that the model was trained on"),
          swappedAt: uint64Text.describe("The last row before the swap"),
        }),
      )
      .describe("The last 64, the newest last"),
  }),
);

/** A detector as it serves. */
export const detector = component(
  "Detector",
  "spec has every default filled in.",
  z.strictObject({
    name: z.string(),
    spec: detectorSpec,
    status: z.strictObject({
      events: uint64Text.describe("Learned from since created or reset"),
      keys: uint64Text,
      anomalies: uint64Text,
      fallbacks: uint64Text,
      modelVersion: uint32,
      stateBytes: uint64Text,
      schema: uint32.describe("Hash of the inputs; what Frame.schema is checked against"),
      lastError: z.string().optional(),
      training: trainingStatus.optional(),
      rowsLate: uint64Text
        .optional()
        .describe("Before their key's watermark; of a detector with features, as what follows"),
      rowsFuture: uint64Text.optional().describe("Beyond the tolerance"),
      keysInPanes: uint64Text.optional().describe("Of which at least one window is made of panes"),
      heartbeatUnixMs: int64.optional().describe("The newest; absent = none came"),
    }),
  }),
);

/** The answer of GET /v1/detectors. */
export const detectorList = component(
  "DetectorList",
  "One page, in the order of names.",
  z.strictObject({
    detectors: z.array(detector),
    nextPageToken: z.string().optional().describe("Absent on the last page"),
  }),
);

const pageSizeExpected = "expected one whole number between 0 (all) and 1000";

/** The query of GET /v1/detectors. */
export const listQuery = z.strictObject({
  pageSize: z.coerce
    .number({ error: pageSizeExpected })
    .int({ error: pageSizeExpected })
    .min(0, { error: pageSizeExpected })
    .max(1000, { error: pageSizeExpected })
    .default(0)
    .describe("Detectors on a page; 0 = all"),
  pageToken: z.string().max(256).default("").describe("nextPageToken of the page before"),
});

/** The query of GET /v1/alerts. */
export const alertsQuery = z.strictObject({
  detector: z
    .union([z.string().transform((name) => [name]), z.array(z.string()).max(limits.detectorsMax)])
    .default([])
    .describe("Repeatable; none = all detectors"),
});

/** The data of a server-sent event of GET /v1/alerts. */
export const alertEvent = component(
  "AlertEvent",
  "The proto3 JSON mapping of weir.v1.WatchAlertsResponse.",
  z.strictObject({
    detector: z.string(),
    key: z.string(),
    timeUnixMs: int64,
    verdict,
    lost: uint64Text.describe("Alerts that this reader has missed so far"),
  }),
);

/** What Weir posts to the webhook, where one is configured. */
export const webhookBody = component(
  "WebhookBody",
  "Alerts, oldest first. An alert's id is unique and the same at every attempt; Idempotency-Key is the first one's.",
  z.strictObject({
    alerts: z
      .array(
        z.strictObject({
          id: z.string(),
          detector: z.string(),
          key: z.string(),
          timeUnixMs: int64,
          verdict,
        }),
      )
      .min(1),
    lost: uint64Text.describe("Alerts that this webhook has lost so far"),
  }),
);

/** The body of every error. */
export const problem = component(
  "Problem",
  "Problem details (RFC 9457).",
  z.strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    reason: z.string().describe("Closed set, for programs: QUEUE_FULL, KEY_TOO_LONG, ..."),
    violations: z
      .array(z.strictObject({ field: z.string(), message: z.string() }))
      .describe("Paths in proto spelling: events[3].numbers.amount"),
    retryAfterMs: uint32.describe("0 = do not retry as it is"),
  }),
);

/** GET /healthz and /readyz. */
export const health = component(
  "Health",
  "What the server is doing.",
  z.strictObject({
    status: z.enum(["alive", "serving", "warming", "draining"]),
    learning: z
      .literal(false)
      .optional()
      .describe("There while the journal cannot be written: events are scored and teach nothing"),
  }),
);

/** GET /v1/stats: its members are telemetry's. */
export const stats = component("Stats", "The last minute.", z.looseObject({}));

/** GET /openapi.json. */
export const openapiDocument = component("OpenApiDocument", "OpenAPI 3.1.", z.looseObject({}));
