import { setThreadPriority } from "../../models/priority.ts";

// Before anything else is loaded: loading takes time from those who serve, too.
setThreadPriority(19);
const { main } = await import("./thread-main.ts");
main();
