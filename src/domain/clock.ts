/** Injected wherever time matters, so that tests move it by hand. */
export interface Clock {
  /** Monotonic milliseconds with a fraction: for budgets and latencies. */
  now(): number;
  /** Unix milliseconds, whole: stamped on a row once, at admission. */
  unixMs(): number;
  /** Calls back once, `delayMs` from now at the earliest; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  unixMs: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
