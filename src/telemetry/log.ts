import { pino, type DestinationStream, type Logger } from "pino";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/**
 * A structured log: one JSON object a line with `level` as a word, `time` in RFC 3339 and `msg`; an Error goes under `err`.
 * Nothing is redacted because nothing personal is given to it: keys, event ids and values are at most logged at debug.
 * `destination` is standard output by default.
 */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly destination?: DestinationStream;
}): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  );
}
