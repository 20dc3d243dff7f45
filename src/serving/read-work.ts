import type { FeatureProgram } from "../domain/detector.ts";
import { Program } from "../shard/feature-program.ts";

/** The row that work counts in: 10 trees of height 8. */
const UNIT_NS = 200;
/** Finding a key. */
const ROW_NS = 300;
/** Of each group for each event of a full log: a read goes through the log, because it must not change what the windows keep. */
const EVENT_NS = 2;

/** Cost of reading one key, in rows through 10 trees of height 8; of a key whose log is full. */
export function readWorkOf({ block }: FeatureProgram): number {
  const groups = block[Program.groups] ?? 0;
  const events = block[Program.exactEvents] ?? 0;
  return (ROW_NS + groups * events * EVENT_NS) / UNIT_NS;
}
