import { access, constants } from "node:fs/promises";
import type { Logger } from "pino";
import { loadOptions, type ResolvedOptions } from "../config/options.ts";
import { makeDirectory } from "../domain/make-directory.ts";
import { createLogger } from "../telemetry/log.ts";
import { banner } from "./banner.ts";
import { dataFailure, startFailure } from "./start-failure.ts";
import type { Terminal } from "./terminal.ts";
import { textLog } from "./text-log.ts";
import { version } from "../version.ts";

/** `weir start`: serves until SIGTERM or SIGINT, drains, and ends with 0; a second signal ends the process at once with 130. */
export async function start(argv: readonly string[], terminal: Terminal): Promise<number> {
  const options = loadOptions({ argv, env: process.env, cwd: process.cwd() });
  let serving = false;
  const stopped = firstSignal(() => serving);
  const logger = loggerOf(options, terminal);
  await makeWritable(options.dataDirectory);
  const { configFile, dataDirectory, threads } = options;
  logger.info({ version, configFile, dataDirectory, threads }, "starting");
  warnAboutPlainText(options, logger);
  warnAboutOperations(options, logger);
  // grpc-js writes bare lines to standard error, also about what is reported here; standard error stays for this.
  process.env["GRPC_VERBOSITY"] ??= "NONE";
  // The server is loaded when it is needed: help and check-config answer at once.
  const { startService } = await import("../service.ts");
  try {
    const service = await startService(options, logger);
    serving = true;
    // A parent that forked this process (the demo, the benchmark) learns where it serves.
    process.send?.({ grpcPort: service.grpcPort, httpPort: service.httpPort });
    if (terminal.interactive) {
      const { grpcPort, httpPort, core } = service;
      terminal.print(banner(options, { grpcPort, httpPort, detectors: core.detectors.list() }));
    }
    await stopped;
    // What did not end in time is in the log; being asked to stop is no failure.
    await service.stop();
  } catch (thrown) {
    throw startFailure(thrown, options);
  }
  return 0;
}

/** Finds out now rather than when the first detector is created. */
async function makeWritable(directory: string): Promise<void> {
  try {
    await makeDirectory(directory);
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (thrown) {
    throw dataFailure(thrown, directory);
  }
}

/** TLS is for gRPC: HTTP beside it is for the same machine, or behind a proxy that speaks TLS. */
function warnAboutPlainText({ grpc, http, tls }: ResolvedOptions, logger: Logger): void {
  if (tls === undefined && !loopback.test(grpc.host)) {
    logger.warn({ grpc }, "gRPC is plain text and open to the network: configure tls");
  }
  if (http !== undefined && !loopback.test(http.host)) {
    logger.warn(
      { http },
      "HTTP is plain text and open to the network: bind it to 127.0.0.1, or off",
    );
  }
}

/** Whoever may call them can take a detector back, or write a backup anywhere that this user may. */
function warnAboutOperations({ admin, grpc, http, tls }: ResolvedOptions, logger: Logger): void {
  if (admin === undefined) return;
  const own = admin === "same" ? grpc : admin;
  const open = tls?.clientCa === undefined && !loopback.test(own.host);
  const openHttp = admin === "same" && http !== undefined && !loopback.test(http.host);
  if (!open && !openHttp) return;
  logger.warn(
    { admin },
    "operations are open to the network: serve them on 127.0.0.1 (admin: 127.0.0.1:50052), turn them off (admin: off), or configure tls.client_ca and bind HTTP to 127.0.0.1",
  );
}

const loopback = /^(127\.|::1$|localhost$)/;

function loggerOf({ log }: ResolvedOptions, terminal: Terminal): Logger {
  const text = log.format === "text" || (log.format === "auto" && terminal.interactive);
  if (!text) return createLogger({ level: log.level });
  return createLogger({ level: log.level, destination: textLog(terminal) });
}

/** Resolves at the first SIGTERM or SIGINT. Before it serves there is nothing to drain, and the process ends at once. */
function firstSignal(serving: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = () => {
      signals++;
      if (signals > 1) process.exit(130);
      if (!serving()) process.exit(0);
      resolve();
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
    // The parent that forked this process is gone.
    process.once("disconnect", resolve);
  });
}
