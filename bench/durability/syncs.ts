import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";

const BLOCK = Buffer.alloc(16 * 1024, 0xa5);

/** Between two syncs beside a load: they are to meet it, not to be one. */
const PAUSE_MS = 2;

/** Microseconds of a write of 16 KiB and its fdatasync, one after the other, on the disk that the servers use. */
export function timeSyncs(count: number): number[] {
  return withLog((sync) => Array.from({ length: count }, sync));
}

/** The same for so many milliseconds, with pauses. */
export function timeSyncsFor(durationMs: number): number[] {
  return withLog((sync) => {
    const times: number[] = [];
    const until = performance.now() + durationMs;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (performance.now() < until) {
      times.push(sync());
      Atomics.wait(pause, 0, 0, PAUSE_MS);
    }
    return times;
  });
}

/** `timeSyncsFor` in a thread of its own, while something else runs. */
export function timeSyncsBeside(durationMs: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const url = new URL("syncs-thread.ts", import.meta.url);
    const worker = new Worker(url, { workerData: durationMs });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

function withLog<T>(use: (sync: () => number) => T): T {
  const folder = mkdtempSync(path.join(os.tmpdir(), "weir-sync-"));
  const file = openSync(path.join(folder, "log"), "w");
  try {
    return use(() => {
      const startedAt = performance.now();
      writeSync(file, BLOCK);
      fdatasyncSync(file);
      return (performance.now() - startedAt) * 1000;
    });
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}

/** The value below which a share of all lies; NaN for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
