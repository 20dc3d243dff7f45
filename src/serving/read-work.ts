import type { FeatureProgram } from "../domain/detector.ts";
import { Program } from "../shard/feature-program.ts";

/** The row that work counts in: 10 trees of height 8. */
const UNIT_NS = 200;
/** Finding a key, and each feature. */
const ROW_NS = 300;
const FEATURE_NS = 50;
/** Of each event of a full log, and of it for each group: a read goes through the log, because it must not move what the windows keep. */
const EVENT_NS = 4.5;
const GROUP_EVENT_NS = 1;

/**
 * Cost of reading one key whose log is full, in rows through 10 trees of height 8. Measured with logs of 1,000 events: 5 us with one
 * group, 9 us with 20 features of 5 groups, 11 to 21 us with 64 of 16; an unknown key 0.3 to 4 us.
 */
export function readWorkOf({ block }: FeatureProgram): number {
  const groups = block[Program.groups] ?? 0;
  const events = block[Program.exactEvents] ?? 0;
  const features = block[Program.features] ?? 0;
  const log = events * (EVENT_NS + groups * GROUP_EVENT_NS);
  return (ROW_NS + features * FEATURE_NS + log) / UNIT_NS;
}
