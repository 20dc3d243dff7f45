import type { EventTime, TimePolicy } from "../domain/detector.ts";
import { readDuration } from "./duration.ts";
import { limits } from "./limits.ts";
import { MessageReader, type EnumTable } from "./message-reader.ts";

/** What absent means: the contract's own numbers. */
export const eventTimeDefaults: EventTime = {
  latenessMs: 0,
  late: "score_only",
  futureToleranceMs: 300_000,
  future: "refuse",
  exactEvents: 1024,
};

const fields = ["allowed_lateness", "late", "future_tolerance", "future", "exact_events"];

const policies = (unspecified: TimePolicy): EnumTable<TimePolicy> => ({
  prefix: "TIME_POLICY_",
  unspecified,
  values: [
    ["REFUSE", "refuse"],
    ["SCORE_ONLY", "score_only"],
    ["ON_TIME", "on_time"],
  ],
});
const latePolicies = policies(eventTimeDefaults.late);
const futurePolicies = policies(eventTimeDefaults.future);

/** The event time of a DetectorSpec; what is wrong with it is noted in the reader's problems. */
export function readEventTime(spec: MessageReader): EventTime {
  const path = [...spec.path, "event_time"];
  const reader = new MessageReader(spec.raw("event_time"), path, fields, spec.problems);
  if (spec.has("event_time") && !spec.has("features")) {
    spec.wrong("event_time", "is of detectors with features: this one has none");
  }
  const { latenessMs, futureToleranceMs, exactEvents } = eventTimeDefaults;
  return {
    latenessMs: readDuration(reader, "allowed_lateness", { min: 0 }) ?? latenessMs,
    late: reader.enumeration("late", latePolicies),
    futureToleranceMs: readDuration(reader, "future_tolerance", { min: 0 }) ?? futureToleranceMs,
    future: reader.enumeration("future", futurePolicies),
    exactEvents: reader.count("exact_events", {
      min: limits.exactEventsMin,
      max: limits.exactEventsMax,
      default: exactEvents,
    }),
  };
}
