import { Worker } from "node:worker_threads";
import { Code, WeirError } from "../../domain/errors.ts";
import type { Perform } from "./keeper.ts";
import type {
  KeeperDone,
  KeeperMessage,
  KeeperProgress,
  KeeperRequest,
  KeeperSetting,
  KeeperThreadData,
} from "./protocol.ts";

/** MiB of JavaScript: the state is in memories beside it. */
const HEAP_MB = 512;

/** Does each request in a thread of its own, which ends with it: about 0.1 s, and all of its memory is given back. */
export class KeeperThread implements Perform {
  private worker: Worker | undefined;
  private stopped = false;

  async run(
    setting: KeeperSetting,
    request: KeeperRequest,
    onProgress: (progress: KeeperProgress) => void,
  ): Promise<KeeperDone> {
    if (this.stopped) throw ended(request);
    const workerData: KeeperThreadData = { setting, request };
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    this.worker = worker;
    try {
      return await resultOf(worker, request, onProgress);
    } finally {
      this.worker = undefined;
      await worker.terminate();
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.worker?.terminate();
  }
}

async function resultOf(
  worker: Worker,
  request: KeeperRequest,
  onProgress: (progress: KeeperProgress) => void,
): Promise<KeeperDone> {
  return new Promise((resolve, reject) => {
    worker.on("message", (message: KeeperMessage) => {
      if ("progress" in message) onProgress(message.progress);
      else if ("done" in message) resolve(message.done);
      else reject(Object.assign(new Error(message.failed.message), { code: message.failed.code }));
    });
    worker.once("error", reject);
    worker.once("messageerror", reject);
    worker.once("exit", () => reject(ended(request)));
  });
}

function ended({ kind }: KeeperRequest): WeirError {
  return new WeirError(
    Code.UNAVAILABLE,
    "DRAINING",
    `the keeper's thread ended before the ${kind} was done`,
  );
}
