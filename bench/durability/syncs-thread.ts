import { parentPort, workerData } from "node:worker_threads";
import { timeSyncsFor } from "./syncs.ts";

if (typeof workerData !== "number") throw new Error("how many milliseconds?");
parentPort?.postMessage(timeSyncsFor(workerData), []);
