import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Gives memories that nothing refers to any more back to the system now: the collector does not see how large they are. Takes milliseconds; for
 * a thread of its own.
 */
export function releaseMemories(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc()");
}
