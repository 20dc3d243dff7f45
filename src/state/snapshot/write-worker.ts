import { parentPort, workerData } from "node:worker_threads";
import { disk } from "./disk.ts";
import { writeShard } from "./shard-writer.ts";
import type { WriteAnswer, WriteJob } from "./write-snapshot-of.ts";

function answer(): WriteAnswer {
  const { memory, what } = workerData as WriteJob;
  try {
    return { entry: writeShard(disk, new Uint8Array(memory.buffer), what) };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has none
parentPort?.postMessage(answer());
