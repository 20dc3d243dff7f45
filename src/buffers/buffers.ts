import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import { Code, WeirError } from "../domain/errors.ts";
import { RowBuffer } from "./buffer.ts";
import type { PostedRow } from "./buffer.ts";

/**
 * All buffers. Bounded by their number and their bytes: beyond either a request is refused; a buffer that nobody touched for
 * `ttlMs` (0 = for ever) leaves.
 */
export class Buffers {
  private readonly byId = new Map<string, { readonly buffer: RowBuffer; touchedAt: number }>();
  private readonly clock: Clock;
  private readonly ttlMs: number;

  constructor(clock: Clock, ttlMs: number) {
    this.clock = clock;
    this.ttlMs = ttlMs;
  }

  /** In the order in which they were made. */
  list(): readonly RowBuffer[] {
    this.expire();
    return Array.from(this.byId.values(), ({ buffer }) => buffer);
  }

  create(id: string, windowRows: number): RowBuffer {
    this.expire();
    if (this.byId.has(id)) {
      throw new WeirError(
        Code.ALREADY_EXISTS,
        "BUFFER_EXISTS",
        `Buffer '${id}' already exists. Use DELETE to remove it first.`,
      );
    }
    if (this.byId.size >= limits.buffersMax) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "TOO_MANY_BUFFERS",
        `there are ${limits.buffersMax} buffers, the limit; delete one first`,
      );
    }
    const buffer = new RowBuffer(id, windowRows);
    this.byId.set(id, { buffer, touchedAt: this.clock.now() });
    return buffer;
  }

  /** NOT_FOUND with this text when there is none. */
  get(id: string, unknown = unknownBuffer(id)): RowBuffer {
    this.expire();
    const found = this.byId.get(id);
    if (found === undefined) {
      throw new WeirError(Code.NOT_FOUND, "UNKNOWN_BUFFER", unknown);
    }
    found.touchedAt = this.clock.now();
    return found.buffer;
  }

  append(id: string, rows: readonly PostedRow[]): RowBuffer {
    const buffer = this.get(id);
    if (rows.length > limits.bufferAppendRowsMax) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "TOO_MANY_ROWS",
        `data has ${rows.length} rows, at most ${limits.bufferAppendRowsMax} are taken at once; append in parts`,
      );
    }
    let bytes = 0;
    for (const each of this.byId.values()) bytes += each.buffer.bytes;
    if (bytes > limits.buffersBytesMax) {
      throw new WeirError(
        Code.RESOURCE_EXHAUSTED,
        "TOO_MANY_BUFFERS",
        `the buffers hold ${bytes} bytes, over ${limits.buffersBytesMax}; clear or delete some`,
      );
    }
    buffer.append(rows);
    return buffer;
  }

  remove(id: string): void {
    this.get(id, `Buffer '${id}' not found`);
    this.byId.delete(id);
  }

  private expire(): void {
    if (this.ttlMs === 0) return;
    const before = this.clock.now() - this.ttlMs;
    for (const [id, { touchedAt }] of this.byId) if (touchedAt < before) this.byId.delete(id);
  }
}

function unknownBuffer(id: string): string {
  return `Buffer '${id}' not found. Create it first with POST /v1/polars/buffers`;
}
