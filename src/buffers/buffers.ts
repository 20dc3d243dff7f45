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
  private readonly bytesMax: number;
  /** What all of them take. */
  private bytes = 0;

  constructor(clock: Clock, ttlMs: number, bytesMax: number = limits.buffersBytesMax) {
    this.clock = clock;
    this.ttlMs = ttlMs;
    this.bytesMax = bytesMax;
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
    this.bytes += buffer.bytes;
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
    const before = buffer.bytes;
    buffer.append(rows, this.bytesMax - this.bytes);
    this.bytes += buffer.bytes - before;
    return buffer;
  }

  clear(id: string): void {
    const buffer = this.get(id);
    this.bytes -= buffer.bytes;
    buffer.clear();
    this.bytes += buffer.bytes;
  }

  remove(id: string): void {
    this.forget(this.get(id, `Buffer '${id}' not found`));
  }

  private forget(buffer: RowBuffer): void {
    this.byId.delete(buffer.id);
    this.bytes -= buffer.bytes;
  }

  private expire(): void {
    if (this.ttlMs === 0) return;
    const before = this.clock.now() - this.ttlMs;
    for (const { buffer, touchedAt } of this.byId.values()) {
      if (touchedAt < before) this.forget(buffer);
    }
  }
}

function unknownBuffer(id: string): string {
  return `Buffer '${id}' not found. Create it first with POST /v1/polars/buffers`;
}
