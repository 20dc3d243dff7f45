import { z } from "zod";
import { component, uint32, uint64Text } from "./schema-components.ts";
import { detector, detectorSpec, verdict } from "./schemas.ts";

// What the routes under /v1/admin take and answer: the proto3 JSON mapping of weir.v1.AdminService.

const int64Text = z
  .string()
  .regex(/^-?\d{1,20}$/)
  .describe("int64 as a decimal string");
const share = z
  .number({ error: "expected a number between 0 and 1" })
  .describe("Of keys that the shadow answers, 0..1");
const flag = z.boolean({ error: "expected true or false" });
const name = z.string({ error: "expected text" });

export const snapshot = component(
  "Snapshot",
  "The state of all shards and of the process at a position of the journal.",
  z.strictObject({
    position: uint64Text.describe("Everything up to this entry is in it"),
    timeUnixMs: int64Text,
    stateBytes: uint64Text,
    fileBytes: uint64Text,
  }),
);

export const snapshotAnswer = component(
  "SnapshotAnswer",
  "A snapshot that was written.",
  z.strictObject({ snapshot }),
);

export const snapshotList = component(
  "SnapshotList",
  "The newest first.",
  z.strictObject({ snapshots: z.array(snapshot) }),
);

export const stateAnswer = component(
  "State",
  "What is on disk, how far it is, and whether the server still learns.",
  z.strictObject({
    durability: z.enum(["DURABILITY_ACKNOWLEDGED", "DURABILITY_RELAXED", "DURABILITY_NONE"]),
    learning: z.boolean().describe("false = the journal cannot be written: events teach nothing"),
    problem: z.string().describe('Why, and what to do; "" = none'),
    position: uint64Text.describe("Last entry of the journal"),
    durablePosition: uint64Text.describe("Last entry on disk"),
    oldestPosition: uint64Text.describe("First entry that is still there; 0 = none"),
    journalBytes: uint64Text,
    shards: uint32,
    snapshots: z.array(snapshot).describe("The newest first"),
  }),
);

export const backUpRequest = component(
  "BackUpRequest",
  "Where a backup goes.",
  z.strictObject({
    directory: name.describe("Absolute, on the server's machine; must not exist, or be empty"),
    journal: z
      .boolean()
      .optional()
      .describe("With the journal and all snapshots: past verdicts can be explained there, too"),
  }),
);

export const finding = component(
  "Finding",
  "One thing that was read, and whether it is as it was written.",
  z.strictObject({
    what: z.string().describe("A file, or a stretch of the journal"),
    sound: z.boolean(),
    problem: z.string().describe('What is wrong and where; "" = nothing'),
    progress: z.number().describe("Of the whole, 0..1"),
  }),
);

export const verifyQuery = z.strictObject({
  deep: z
    .enum(["true", "false"], { error: "expected true or false" })
    .default("false")
    .describe("Also replay the journal between snapshots and compare bit for bit"),
});

const whole = "expected a whole number";

export const explainQuery = z.strictObject({
  detector: z.string({ error: "expected one name" }).default("").describe("With eventId"),
  key: z.string({ error: "expected one key" }).default("").describe("With eventId"),
  eventId: z.string({ error: "expected one id" }).default(""),
  position: z
    .string({ error: whole })
    .regex(/^\d{1,20}$/, { error: whole })
    .default("0")
    .describe("Of the journal, with row; instead of eventId"),
  row: z.coerce.number({ error: whole }).int({ error: whole }).min(0, { error: whole }).default(0),
});

export const explainedVerdict = component(
  "ExplainedVerdict",
  "A past verdict as it was, with reasons.",
  z.strictObject({
    position: uint64Text,
    row: uint32,
    detector: z.string(),
    key: z.string(),
    timeUnixMs: int64Text,
    version: uint32.describe("Of the detector, at that time"),
    answered: verdict.optional().describe("What the client got; absent = nobody asked"),
    modelled: verdict.describe("What the model said"),
    arrivalUnixMs: int64Text,
  }),
);

export const importQuery = z.strictObject({
  name: z.string({ error: "expected one name" }).default("").describe("Absent = as it was called"),
});

export const detectorAnswer = component(
  "DetectorAnswer",
  "A detector as it is now.",
  z.strictObject({ detector }),
);

const version = component(
  "Version",
  "A detector's specification and state over a stretch of positions.",
  z.strictObject({
    version: uint32.describe("1, 2, ..."),
    state: z.enum(["VERSION_STATE_LEARNING", "VERSION_STATE_SERVING", "VERSION_STATE_KEPT"]),
    spec: detectorSpec,
    madeUnixMs: int64Text,
    fromPosition: uint64Text.describe("It answers from the next entry on; 0 = not yet"),
    toPosition: uint64Text.describe("0 = it still does"),
    events: uint64Text.describe("That it has learned from"),
    eventsUntilReady: uint64Text.describe("Of a version that is still learning"),
    keptState: z.boolean().describe("It began with the state of the one before"),
    problem: z.string().describe('Why it cannot be gone back to; "" = it can'),
  }),
);

export const versionAnswer = component(
  "VersionAnswer",
  "The version that serves, or will.",
  z.strictObject({ version }),
);

export const versionList = component(
  "VersionList",
  "The newest first.",
  z.strictObject({ versions: z.array(version) }),
);

export const rollbackRequest = component(
  "RollbackRequest",
  "Which version, and with which state.",
  z.strictObject({
    version: z
      .int({ error: whole })
      .min(0, { error: whole })
      .max(0xffffffff, { error: whole })
      .default(0)
      .describe("0 = the one before"),
    replay: flag
      .default(false)
      .describe("false = with the state it had; true = with what it would have learned since then"),
  }),
);

export const startShadowRequest = component(
  "StartShadowRequest",
  "A new detector beside a live one.",
  z.strictObject({
    name: name.describe("Of the shadow"),
    shadowed: name.describe("The live detector"),
    spec: detectorSpec.describe("The same inputs as the live one's"),
    copyState: flag.default(false).describe("Begin with the live one's state; false = cold"),
    share: share.default(0),
  }),
);

export const shareRequest = component(
  "SetShadowShareRequest",
  "An A/B test.",
  z.strictObject({ share }),
);

const count = uint64Text;

export const shadowReport = component(
  "ShadowReport",
  "A shadow beside the live detector, over the rows that both scored.",
  z.strictObject({
    name: z.string(),
    shadowed: z.string(),
    share: z.number(),
    rows: count.describe("Compared: both have a score"),
    rowsShed: count.describe("That the shadow did not see: it was too slow"),
    rowsBehind: count.describe("That wait for it now"),
    rankCorrelation: z
      .number()
      .optional()
      .describe("Spearman's rho over a sample; absent = too few rows"),
    bothAlert: count,
    onlyLiveAlerts: count,
    onlyShadowAlerts: count,
    populationStability: z
      .number()
      .optional()
      .describe("PSI over the live ones' tenths; 0.1 is small, 0.25 large"),
    liveScores: z.array(count).describe("Rows by score, 20 bins of 0.05"),
    shadowScores: z.array(count),
    liveRowUs: z.number().describe("Of one row through the step, mean"),
    shadowRowUs: z.number(),
    answered: count.describe("Rows that the shadow answered"),
    sinceUnixMs: int64Text,
  }),
);
