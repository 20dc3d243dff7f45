/* A thread that does one thing over and over, to be terminated at any moment. */
import { parentPort, workerData } from "node:worker_threads";
import { z } from "zod";
import { slotBase, Slot } from "../../../src/shard/layout.ts";
import { instantiate } from "../../../src/shard/module.ts";

const { module, memory, work, model } = z
  .object({
    module: z.instanceof(WebAssembly.Module),
    memory: z.instanceof(WebAssembly.Memory),
    work: z.enum(["step", "recover", "detectors", "trainings"]),
    model: z.instanceof(Uint8Array).optional(),
  })
  .parse(workerData);

const kernel = instantiate(module, memory);
const bytes = new Uint8Array(memory.buffer);
const numbers = new Float64Array(memory.buffer);
const learned = (slotBase(0) + Slot.eventsLearned) >>> 3;

parentPort?.postMessage("started");
for (;;) {
  if (work === "step") kernel.step(0);
  else if (work === "recover") kernel.recover(0);
  else if (work === "trainings") changeModels();
  else {
    // The control block still holds the configuration of slot 0.
    kernel.createDetector(1);
    kernel.step(1);
    kernel.resetDetector(1);
    kernel.step(1);
    kernel.deleteDetector(1);
  }
}

/** Learns until something is due; every third training is dropped, the others swap the model in. */
function changeModels(): void {
  kernel.step(0);
  for (;;) {
    const ticket = kernel.takeTraining() >>> 0;
    if (ticket === 0) return;
    const handle = numbers[ticket >>> 3] ?? 0;
    kernel.releaseRows(handle);
    if (model === undefined || (numbers[learned] ?? 0) % 3 === 0) kernel.dropTraining(handle, 1);
    else {
      const at = kernel.placeModel(handle, model.length) >>> 0;
      if (at !== 0) bytes.set(model, at);
      kernel.swapModel(handle, at);
    }
  }
}
