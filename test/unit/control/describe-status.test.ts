import { expect, test } from "vitest";
import { describeStatus } from "../../../src/control/describe-status.ts";
import type { DetectorStatus } from "../../../src/control/registry.ts";
import { detector as detectorSchema } from "../../../src/transport/http/schemas.ts";

const status: DetectorStatus = {
  events: 2 ** 53 - 1,
  keys: 1,
  anomalies: 2,
  fallbacks: 3,
  modelVersion: 7,
  stateBytes: 5,
  schema: 4_294_967_295,
  training: undefined,
  lastError: "",
};

test("a status is told in the JSON mapping of the contract", () => {
  expect(describeStatus(status)).toEqual({
    events: "9007199254740991",
    keys: "1",
    anomalies: "2",
    fallbacks: "3",
    modelVersion: 7,
    stateBytes: "5",
    schema: 4_294_967_295,
  });
});

test("a window model's status tells of its trainings, as the schema has it", () => {
  const described = describeStatus({
    ...status,
    lastError: "the trainer thread died",
    training: {
      state: "retraining",
      windowRows: 200,
      rowsUntilReady: 0,
      rowsSinceTraining: 12,
      trainings: 2,
      failures: 1,
      lastTrainingMs: 1.5,
      swaps: [{ version: 1, trainedAt: 50, swappedAt: 53, keyHash: "00ff00ff00ff00ff" }],
    },
  });
  expect(described).toMatchObject({
    lastError: "the trainer thread died",
    training: {
      state: "STATE_RETRAINING",
      rowsSinceTraining: "12",
      trainings: "2",
      failures: "1",
      swaps: [{ version: 1, trainedAt: "50", swappedAt: "53" }],
    },
  });
  expect(detectorSchema.shape.status.parse(described)).toEqual(described);
});

test("a detector with features tells of its rows at the wrong time and of its windows", () => {
  const features = { rowsLate: 3, rowsFuture: 4, keysInPanes: 5, heartbeatMs: undefined };
  const told = { rowsLate: "3", rowsFuture: "4", keysInPanes: "5" };
  expect(describeStatus({ ...status, features })).toEqual({ ...describeStatus(status), ...told });
  const beaten = describeStatus({ ...status, features: { ...features, heartbeatMs: -7 } });
  expect(beaten).toMatchObject({ ...told, heartbeatUnixMs: "-7" });
  expect(detectorSchema.shape.status.parse(beaten)).toEqual(beaten);
});
