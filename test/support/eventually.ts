import { vi } from "vitest";

/** Retries a check until it holds: long enough for a machine that is busy with other tests. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 20_000, interval: 10 });
}
