/* A thread that does one thing over and over, to be terminated at any moment. */
import { parentPort, workerData } from "node:worker_threads";
import { z } from "zod";
import { instantiate } from "../../../src/shard/module.ts";

const { module, memory, work } = z
  .object({
    module: z.instanceof(WebAssembly.Module),
    memory: z.instanceof(WebAssembly.Memory),
    work: z.enum(["step", "recover", "detectors"]),
  })
  .parse(workerData);

const kernel = instantiate(module, memory);
parentPort?.postMessage("started");
for (;;) {
  if (work === "step") kernel.step(0);
  else if (work === "recover") kernel.recover(0);
  else {
    // The control block still holds the configuration of slot 0.
    kernel.createDetector(1);
    kernel.step(1);
    kernel.resetDetector(1);
    kernel.step(1);
    kernel.deleteDetector(1);
  }
}
