import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  RecordType,
  RingReader,
  RingWriter,
  createRing,
} from "../../../../src/state/journal/ring.ts";

const RING = 4096;

function pair(bytes = RING): { writer: RingWriter; reader: RingReader } {
  const buffer = createRing(bytes);
  return { writer: new RingWriter(buffer), reader: new RingReader(buffer) };
}

function put(writer: RingWriter, position: number, bytes: number, reserved = bytes): boolean {
  const at = writer.reserve(reserved, 0);
  if (at < 0) return false;
  expect(at % 8).toBe(0);
  writer.views.u8.fill(position & 255, at, at + bytes);
  const head = { type: RecordType.ENTRY, kind: position % 7, shard: position % 64, position };
  writer.commit({ ...head, unixMs: position * 3, rows: position % 100 }, bytes);
  return true;
}

function expectNext(reader: RingReader, position: number, bytes: number): void {
  expect(reader.next()).toBe(true);
  const { type, kind, shard, unixMs, rows, bodyBytes } = reader;
  expect({ type, kind, shard, position: reader.position, unixMs, rows, bodyBytes }).toEqual({
    type: RecordType.ENTRY,
    kind: position % 7,
    shard: position % 64,
    position,
    unixMs: position * 3,
    rows: position % 100,
    bodyBytes: bytes,
  });
  expect(reader.body().every((byte) => byte === (position & 255))).toBe(true);
  reader.release();
}

describe("ring", () => {
  it("gives out what was put in, in order, over any wraps and however full it gets", () => {
    const step = fc.record({
      bytes: fc.integer({ min: 0, max: RING - 32 }),
      spare: fc.integer({ min: 0, max: 300 }),
      take: fc.integer({ min: 0, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), (steps) => {
        const { writer, reader } = pair();
        const waiting: { position: number; bytes: number }[] = [];
        let position = 0;
        for (const { bytes, spare, take } of steps) {
          const reserved = Math.min(RING - 32, bytes + spare);
          if (put(writer, position + 1, bytes, reserved))
            waiting.push({ position: ++position, bytes });
          for (let i = 0; i < take; i++) {
            const next = waiting.shift();
            if (next !== undefined) expectNext(reader, next.position, next.bytes);
          }
        }
        for (const next of waiting) expectNext(reader, next.position, next.bytes);
        expect(reader.next()).toBe(false);
        expect(writer.freeBytes).toBe(RING);
        // Empty, it takes any record that is as long as what is left in one piece.
        expect(writer.reserve(RING / 2 - 32, 0)).toBeGreaterThan(0);
      }),
    );
  });

  it("refuses what does not fit, and what would not leave the room to be kept", () => {
    const { writer } = pair();
    expect(writer.reserve(RING - 31, 0)).toBe(-1);
    expect(writer.reserve(RING - 32, 8)).toBe(-1);
    expect(writer.reserve(RING - 32, 0)).toBeGreaterThan(0);
    expect(put(writer, 1, RING - 32)).toBe(true);
    expect(put(writer, 2, 0)).toBe(false);
  });

  it("wraps its counters at 2^32", () => {
    const { writer, reader } = pair();
    const near = -8;
    // As after 2^32 - 8 units: the ring's own words and both sides' counters.
    writer.words[0] = near;
    writer.words[1] = near;
    Object.assign(writer, { head: near });
    Object.assign(reader, { tail: near });
    for (let position = 1; position < 50; position++) {
      expect(put(writer, position, 200)).toBe(true);
      expectNext(reader, position, 200);
    }
  });

  it("shows records that belong together all at once, marked", () => {
    const { writer, reader } = pair();
    writer.together(() => {
      writer.together(() => expect(put(writer, 1, 10)).toBe(true));
      expect(put(writer, 2, 10)).toBe(true);
      expect(reader.next()).toBe(false);
      expect(put(writer, 3, 10)).toBe(true);
    });
    const marks = [1, 2, 3].map((position) => {
      expect(reader.next()).toBe(true);
      const { isContinued } = reader;
      expectNext(reader, position, 10);
      return isContinued;
    });
    expect(marks).toEqual([true, true, false]);
    writer.together(() => undefined);
    expect(reader.next()).toBe(false);
  });

  it("has its reader wait for what is urgent, for the rest a while", () => {
    const { writer, reader } = pair();
    const waited = (): number => {
      const start = performance.now();
      reader.wait(40);
      return performance.now() - start;
    };
    const lazy = (): void => {
      const head = { type: RecordType.ENTRY, kind: 1, shard: 0, position: 1, unixMs: 0, rows: 0 };
      writer.reserve(8, 0);
      writer.commit(head, 8, false);
    };
    lazy();
    expect(waited()).toBeGreaterThan(35);
    put(writer, 2, 8);
    lazy();
    reader.next();
    reader.release();
    expect(reader.isUrgent).toBe(true);
    reader.next();
    reader.release();
    expect([reader.isUrgent, reader.isEmpty]).toEqual([false, false]);
    writer.together(() => {
      lazy();
      put(writer, 3, 8);
      lazy();
    });
    expect(reader.isUrgent).toBe(true);
    while (reader.next()) reader.release();
    // As much as is too much to wait with.
    for (let i = 0; i < RING / 4 / 40 + 1; i++) lazy();
    expect(reader.isUrgent).toBe(false);
    const start = performance.now();
    reader.wait(60_000);
    expect(performance.now() - start).toBeLessThan(30_000);
  });

  it("refuses sizes that its counters would not wrap with", () => {
    expect(() => createRing(5000)).toThrow("a power of two");
  });
});
