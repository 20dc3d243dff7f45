import { monitorEventLoopDelay } from "node:perf_hooks";

/** How late the event loop was, seconds. */
export interface Lag {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface LagMonitor {
  /** Over the last whole window, or since the start when there is none yet. */
  read(): Lag;
  /** Forgets all windows. */
  startOver(): void;
  /** Ends a window. */
  rotate(): void;
  stop(): void;
}

/** Often enough to see a block of a budget's length, rarely enough to cost nothing visible. */
const resolutionMs = 10;

/** Watches this thread's event loop with Node's own histogram, which counts from one timer to the next. */
export function watchEventLoop(): LagMonitor {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  let last: Lag | undefined;
  const seconds = (ns: number): number => Math.max(0, ns / 1e9 - resolutionMs / 1e3);
  const now = (): Lag =>
    delays.count === 0
      ? { p50: 0, p99: 0, max: 0 }
      : {
          p50: seconds(delays.percentile(50)),
          p99: seconds(delays.percentile(99)),
          max: seconds(delays.max),
        };
  return {
    read: () => last ?? now(),
    startOver() {
      last = undefined;
      delays.reset();
    },
    rotate() {
      last = now();
      delays.reset();
    },
    stop: () => void delays.disable(),
  };
}
