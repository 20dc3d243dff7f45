import { workerData } from "node:worker_threads";
import { setThreadPriority } from "../../models/priority.ts";
import type { KeeperThreadData } from "./protocol.ts";

const { request } = workerData as KeeperThreadData;

// Before anything else is loaded: loading takes time from those who serve, too.
// Somebody waits for an export: where all cores are busy it gets a tenth of one, and not a sixtieth.
setThreadPriority(request.kind === "export" ? 10 : 19);
const { main } = await import("./thread-main.ts");
main();
