import type { Clock } from "../domain/clock.ts";
import type { Detector, DetectorConfig } from "../domain/detector.ts";
import { Code, WeirError } from "../domain/errors.ts";
import type { Finding, Operations, ShadowStart, VerdictQuery } from "./operations.ts";

/** The fields of `limits` by the same names. */
export interface OperationBounds {
  readonly exportBytesMax: number;
  readonly exportChunkBytesMax: number;
  readonly importIdleMs: number;
}

type Work = "export" | "import" | "verification";

/**
 * Operations with bounds, over all transports: one export, one import and one verification at a time (RESOURCE_EXHAUSTED, OPERATION_RUNNING),
 * exports in chunks of bounded size, imports of bounded size that do not stand still.
 */
export class BoundedOperations implements Operations {
  readonly #inner: Operations;
  readonly #bounds: OperationBounds;
  readonly #clock: Clock;
  readonly #running = new Set<Work>();

  constructor(inner: Operations, bounds: OperationBounds, clock: Clock) {
    this.#inner = inner;
    this.#bounds = bounds;
    this.#clock = clock;
  }

  state() {
    return this.#inner.state();
  }

  createSnapshot() {
    return this.#inner.createSnapshot();
  }

  listSnapshots() {
    return this.#inner.listSnapshots();
  }

  backUp(directory: string, journal: boolean) {
    return this.#inner.backUp(directory, journal);
  }

  async *verify(deep: boolean): AsyncGenerator<Finding, void> {
    const leave = this.#enter("verification");
    try {
      yield* this.#inner.verify(deep);
    } finally {
      leave();
    }
  }

  explainVerdict(query: VerdictQuery) {
    return this.#inner.explainVerdict(query);
  }

  async *exportDetector(name: string): AsyncGenerator<Uint8Array, void> {
    const leave = this.#enter("export");
    const { exportChunkBytesMax } = this.#bounds;
    try {
      for await (const chunk of this.#inner.exportDetector(name)) {
        for (let at = 0; at < chunk.length; at += exportChunkBytesMax) {
          yield chunk.subarray(at, at + exportChunkBytesMax);
        }
      }
    } finally {
      leave();
    }
  }

  async importDetector(name: string, chunks: AsyncIterable<Uint8Array>): Promise<Detector> {
    const leave = this.#enter("import");
    try {
      return await this.#inner.importDetector(name, this.#bounded(chunks));
    } finally {
      leave();
    }
  }

  updateDetector(name: string, config: DetectorConfig) {
    return this.#inner.updateDetector(name, config);
  }

  versions(name: string) {
    return this.#inner.versions(name);
  }

  rollback(name: string, version: number, replay: boolean) {
    return this.#inner.rollback(name, version, replay);
  }

  startShadow(start: ShadowStart) {
    return this.#inner.startShadow(start);
  }

  setShadowShare(name: string, share: number) {
    return this.#inner.setShadowShare(name, share);
  }

  shadowReport(name: string) {
    return this.#inner.shadowReport(name);
  }

  promoteShadow(name: string) {
    return this.#inner.promoteShadow(name);
  }

  stopShadow(name: string) {
    return this.#inner.stopShadow(name);
  }

  #enter(work: Work): () => void {
    if (this.#running.has(work)) {
      const a = work === "verification" ? "a" : "an";
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "OPERATION_RUNNING",
        `${a} ${work} is running, and one at a time is; try again when it has ended`,
        { retryAfterMs: 1000 },
      );
    }
    this.#running.add(work);
    return () => this.#running.delete(work);
  }

  async *#bounded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    const { exportBytesMax } = this.#bounds;
    const iterator = chunks[Symbol.asyncIterator]();
    let bytes = 0;
    try {
      for (;;) {
        const next = await this.#inTime(iterator.next());
        if (next.done === true) return;
        bytes += next.value.length;
        if (bytes > exportBytesMax) {
          const message = `the import is larger than ${exportBytesMax} bytes, the most that is taken`;
          throw new WeirError(Code.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", message);
        }
        yield next.value;
      }
    } finally {
      // Not waited for: it may stand behind a chunk that never comes.
      iterator.return?.().catch(() => undefined);
    }
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const { importIdleMs } = this.#bounds;
    const cancel = this.#clock.after(importIdleMs, () => {
      const message = `nothing of the import came for ${importIdleMs} ms; send it again`;
      late.reject(new WeirError(Code.DEADLINE_EXCEEDED, "REQUEST_TIMEOUT", message));
    });
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      cancel();
    }
  }
}
