import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change } from "../../../../src/shard/journal.ts";
import {
  answersBytes,
  decodeAnswers,
  decodeChange,
  decodeProcessChange,
  encodeChange,
  encodeProcessChange,
  packAnswers,
} from "../../../../src/state/journal/entry.ts";

const slot = fc.integer({ min: 0, max: 63 });
const handle = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const bytes = fc.uint8Array({ maxLength: 100 });
const block = fc.float64Array({ maxLength: 20 });
const text = fc.string({ unit: "grapheme", maxLength: 60 });

const anyChange: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constantFrom("create", "configure"), slot, block, spec: text }),
  fc.record({ kind: fc.constantFrom("reset", "delete"), slot }),
  fc.record({ kind: fc.constant("take"), handle }),
  fc.record({ kind: fc.constant("swap"), handle, model: bytes }),
  fc.record({ kind: fc.constant("drop"), handle, failed: fc.boolean() }),
  fc.record({ kind: fc.constant("import"), slot, part: bytes }),
  fc.record({ kind: fc.constant("resize"), memoryBytes: handle }),
);

describe("entries", () => {
  it("decodes every change to what was encoded", () => {
    fc.assert(
      fc.property(anyChange, (change) => {
        expect(decodeChange(encodeChange(change))).toEqual(change);
      }),
    );
  });

  it("refuses a change that is cut off or unknown", () => {
    const body = encodeChange({ kind: "create", slot: 1, block: new Float64Array(3), spec: "{}" });
    expect(() => decodeChange(body.subarray(0, 24))).toThrow("cut off");
    body[0] = 77;
    expect(() => decodeChange(body)).toThrow("unknown kind 77");
  });

  it("decodes changes of the process, and refuses others", () => {
    const change = { kind: "encoded", slot: 3, rows: [["a", null]] } as const;
    expect(decodeProcessChange(encodeProcessChange(change))).toEqual(change);
    expect(() => decodeProcessChange(Buffer.from('{"kind":"toString"}'))).toThrow("unknown kind");
  });

  it("decodes answers to what was packed, wherever it was", () => {
    const number = fc.double();
    const byte = fc.integer({ min: 0, max: 255 });
    const answer = fc.record({
      position: handle,
      row: fc.integer({ min: 0, max: 8191 }),
      score: number,
      threshold: number,
      source: byte,
      state: byte,
      anomaly: byte,
      rule: fc.integer({ min: -1, max: 63 }),
      rawScore: number,
      modelVersion: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      replayed: fc.integer({ min: 0, max: 1 }),
    });
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 20 }), (answers) => {
        const buffer = new ArrayBuffer(8 + answersBytes(answers.length));
        const u8 = new Uint8Array(buffer).fill(255);
        const [u16, u32] = [new Uint16Array(buffer), new Uint32Array(buffer)];
        packAnswers(answers, { u8, u16, u32, f64: new Float64Array(buffer) }, 8);
        expect(decodeAnswers(u8.subarray(8))).toEqual(answers);
      }),
    );
  });
});
