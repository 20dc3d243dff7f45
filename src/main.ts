#!/usr/bin/env node
import { setFlagsFromString } from "node:v8";
import { dispatch } from "./cli/dispatch.ts";
import { processTerminal } from "./cli/terminal.ts";

/*
 * The old generation may grow to three times what lives in it. Left to itself V8 may settle on collecting it every 80 ms under load,
 * for the sake of requests' buffers that are gone anyway: a seventh of the main thread, a quarter of the packed rows
 * (node --trace-gc shows it). Resident memory is no larger for it (250 MB beside 290 MB at saturation).
 */
setFlagsFromString("--heap-growing-percent=200");

// Whoever reads may have enough (`weir help | head`): no failure.
process.stdout.on("error", () => undefined);
const exitCode = await dispatch(process.argv.slice(2), processTerminal);
process.exitCode = exitCode;
// Everything was stopped and written: whatever still holds the process (a client's idle socket) does not hold it for long.
setTimeout(() => process.exit(exitCode), 500).unref();
