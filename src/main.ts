#!/usr/bin/env node
import { dispatch } from "./cli/dispatch.ts";
import { processTerminal } from "./cli/terminal.ts";

// Whoever reads may have enough (`weir help | head`): no failure.
process.stdout.on("error", () => undefined);
const exitCode = await dispatch(process.argv.slice(2), processTerminal);
process.exitCode = exitCode;
// Everything was stopped and written: whatever still holds the process (a client's idle socket) does not hold it for long.
setTimeout(() => process.exit(exitCode), 500).unref();
