import { isWindowModel } from "../domain/detector.ts";
import type { DetectorConfig, Feature } from "../domain/detector.ts";
import { featureStateBytes } from "../features/state-bytes.ts";
import { timeZoneTransitions } from "../features/time-zone.ts";
import { isSeen } from "./input-spec.ts";
import { limits } from "./limits.ts";
import type { MessageReader } from "./message-reader.ts";

/** Notes what features together are too many of, and what they do not go with. */
export function checkFeatures(
  spec: MessageReader,
  config: Pick<DetectorConfig, "inputs" | "features" | "model" | "eventTime">,
): void {
  const { inputs, features, model } = config;
  if (features.length === 0) return;
  const derived = features.filter((feature) => feature.seen).length;
  const columns = inputs.filter((input) => isSeen(input)).length + derived;
  if (columns === 0) {
    spec.wrong(
      "features",
      "the model sees none of them: expected at least one that is not hidden, or a number input that is not rules_only",
    );
  }
  const most = isWindowModel(model) ? limits.modelColumnsMax : limits.inputsMax;
  if (columns > most) {
    spec.wrong(
      "features",
      `${columns - derived} inputs and ${derived} features that the model sees are ${columns} columns, at most ${most} are taken: mark some rules_only or hidden`,
    );
  }
  for (const name of ["rolling_windows", "lag_periods"]) {
    const periods = spec.raw(name);
    if (Array.isArray(periods) && periods.length > 0) {
      const instead =
        name === "rolling_windows" ? "features with window: { last: 10 }" : "features of lag";
      spec.wrong(name, `is not of detectors with features: declare ${instead}`);
    }
  }
  checkZones(spec, features);
  if (spec.problems.any) return;
  const bytes = featureStateBytes(config);
  if (bytes > limits.featureStateBytesMax) {
    spec.wrong(
      "features",
      `those of one key may take ${mebibytes(bytes)} MiB, at most ${mebibytes(limits.featureStateBytesMax)} are taken: lower event_time.exact_events, or use fewer windows`,
    );
  }
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}

/** A kernel holds the clock changes of a detector's zones in one table. */
function checkZones(spec: MessageReader, features: readonly Feature[]): void {
  const zones = new Set(
    features.flatMap(({ what }) =>
      "window" in what && what.window.kind === "calendar" ? [what.window.timeZone] : [],
    ),
  );
  const changes = [...zones].reduce((sum, zone) => sum + timeZoneTransitions(zone).length, 0);
  if (changes > limits.zoneTransitionsMax) {
    spec.wrong(
      "features",
      `${zones.size} time zones have ${changes} changes of their clocks, at most ${limits.zoneTransitionsMax} are taken: use fewer zones`,
    );
  }
}
