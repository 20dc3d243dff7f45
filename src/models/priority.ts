import { readlinkSync } from "node:fs";
import os from "node:os";
import { basename } from "node:path";

/** How a thread stands with the system's scheduler. */
export interface ThreadPriority {
  /** The system's own number of the thread; undefined where it does not tell. */
  readonly threadId: number | undefined;
  /** The nice value that it runs at, higher = gives way; undefined = as the process. */
  readonly nice: number | undefined;
  /** Why it does not run at the priority that was asked for; undefined = it does. */
  readonly problem: string | undefined;
}

/**
 * Lowers the priority of the calling thread alone. Linux takes a thread's number where setpriority(2) speaks of processes; other
 * systems would lower the whole process, so nothing happens there.
 */
export function setThreadPriority(nice: number): ThreadPriority {
  if (process.platform !== "linux") {
    const problem = `${process.platform} has no priority of a single thread`;
    return { threadId: undefined, nice: undefined, problem };
  }
  try {
    const threadId = Number(basename(readlinkSync("/proc/thread-self")));
    if (os.getPriority(threadId) !== nice) os.setPriority(threadId, nice);
    return { threadId, nice: os.getPriority(threadId), problem: undefined };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { threadId: undefined, nice: undefined, problem };
  }
}
