import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const BLOCK = Buffer.alloc(16 * 1024, 0xa5);

/** Microseconds of a write of 16 KiB and its fdatasync, one after the other, on the disk that the servers use. */
export function timeSyncs(count: number): number[] {
  const folder = mkdtempSync(path.join(os.tmpdir(), "weir-sync-"));
  const file = openSync(path.join(folder, "log"), "w");
  try {
    return Array.from({ length: count }, () => {
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
