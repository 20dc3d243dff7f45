import { parentPort, workerData } from "node:worker_threads";
import type { RestoreAnswer } from "./recover.ts";
import { restoreShard } from "./restore-shard.ts";
import type { RestoreJob } from "./restore-shard.ts";

function answer(): RestoreAnswer {
  try {
    return { restored: restoreShard(workerData as RestoreJob) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { failed: { name, message } };
  }
}

parentPort?.postMessage(answer());
