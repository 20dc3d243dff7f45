/* A thread that steps region 0 over and over, to be terminated at any moment. */
import { parentPort, workerData } from "node:worker_threads";
import { z } from "zod";
import { instantiate } from "../../../src/shard/module.ts";

const { module, memory } = z
  .object({ module: z.instanceof(WebAssembly.Module), memory: z.instanceof(WebAssembly.Memory) })
  .parse(workerData);

const kernel = instantiate(module, memory);
parentPort?.postMessage("started");
for (let done = 0; done >= 0;) done = kernel.step(0);
