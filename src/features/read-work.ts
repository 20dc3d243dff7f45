import type { FeatureProgram } from "../domain/detector.ts";
import { Program } from "../shard/feature-program.ts";

/** The row that work counts in: 10 trees of height 8. */
const UNIT_NS = 200;
/** Finding a key, and each feature. */
const ROW_NS = 300;
const FEATURE_NS = 50;
/** Of each event of a full log as of now, where windows are as they stand; and of it for each group. */
const EVENT_NS = 4.5;
const GROUP_EVENT_NS = 1;
/** The same as of an earlier time: each group goes through the log. */
const PAST_GROUP_EVENT_NS = 25;

/**
 * Cost of reading one key whose log is full, in rows through 10 trees of height 8. Measured with logs of 1,000 events as of now: 5 us
 * with one group, 9 us with 20 features of 5 groups, 11 to 21 us with 64 of 16, and 0.3 to 4 us for an unknown key; as of an earlier
 * time 50 to 220 us with 20 features of 5 groups.
 */
export function readWorkOf({ block }: FeatureProgram, isPast: boolean): number {
  const groups = block[Program.groups] ?? 0;
  const events = block[Program.exactEvents] ?? 0;
  const features = block[Program.features] ?? 0;
  const eventNs = isPast ? groups * PAST_GROUP_EVENT_NS : EVENT_NS + groups * GROUP_EVENT_NS;
  return (ROW_NS + features * FEATURE_NS + events * eventNs) / UNIT_NS;
}
