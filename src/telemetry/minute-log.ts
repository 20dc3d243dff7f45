import type { Clock } from "../domain/clock.ts";
import type { Stats } from "./stats.ts";

/** The part of a pino logger that the minute log needs. */
export interface InfoLog {
  info(fields: object, message: string): void;
}

const minuteMs = 60_000;

/** Logs a line for the server and one for every detector that did something, each minute. Returns what ends it. */
export function logEveryMinute(log: InfoLog, clock: Clock, read: () => Stats): () => void {
  const tick = (): void => {
    cancel = clock.after(minuteMs, tick);
    logMinute(log, read());
  };
  let cancel = clock.after(minuteMs, tick);
  return () => cancel();
}

function logMinute(log: InfoLog, stats: Stats): void {
  const { server } = stats;
  const { stages, ...lastMinute } = server.lastMinute;
  log.info(
    {
      ...lastMinute,
      stepP99Ms: stages.step.p99Ms,
      queueP99Ms: stages.queue.p99Ms,
      requestsInFlight: server.requestsInFlight,
      queueRows: server.queueRows,
      streams: server.streams,
      workerRestarts: server.workerRestarts,
      eventLoopLagP99Ms: server.eventLoopLagMs.p99,
      residentBytes: server.residentBytes,
    },
    "last minute",
  );
  for (const { name, lastMinute: detector, keys, stateBytes } of stats.detectors) {
    if (detector.rows === 0) continue;
    log.info({ detector: name, ...detector, keys, stateBytes }, "last minute of a detector");
  }
}
