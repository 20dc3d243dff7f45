import { fork } from "node:child_process";

/**
 * What the machine does to any timer: a process of its own that does nothing but wait 20 ms again and again, and counts how often
 * it woke more than 5 ms late. A server on the same cores cannot be expected to do better.
 */
export interface ControlTimer {
  /** Since the last call. */
  lateShare(): Promise<number>;
  stop(): void;
}

const budgetMs = 20;
const toleranceMs = 5;

if (process.argv[2] === "control-timer") runTimer();

function runTimer(): void {
  let waits = 0;
  let late = 0;
  const wait = (): void => {
    const startedAt = performance.now();
    setTimeout(() => {
      waits++;
      if (performance.now() - startedAt > budgetMs + toleranceMs) late++;
      wait();
    }, budgetMs);
  };
  process.on("message", () => {
    process.send?.({ share: late / Math.max(1, waits) });
    waits = 0;
    late = 0;
  });
  process.on("disconnect", () => process.exit(0));
  wait();
}

export function startControlTimer(): ControlTimer {
  const child = fork(import.meta.filename, ["control-timer"], { execArgv: [] });
  return {
    lateShare() {
      return new Promise((resolve, reject) => {
        child.once("message", (message: { readonly share: number }) => resolve(message.share));
        child.send("stats", (error) => {
          if (error) reject(error);
        });
      });
    },
    stop() {
      child.disconnect();
    },
  };
}
