import { parentPort, workerData } from "node:worker_threads";
import { ReplayError } from "./replica.ts";
import type { RestoreAnswer } from "./recover.ts";
import { restoreShard } from "./restore-shard.ts";
import type { RestoreJob } from "./restore-shard.ts";

function answer(): RestoreAnswer {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what recover.ts starts this thread with
    return { restored: restoreShard(workerData as RestoreJob) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const position = error instanceof ReplayError ? error.position : undefined;
    return { failed: { name, message, position } };
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
parentPort?.postMessage(answer());
