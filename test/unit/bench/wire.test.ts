import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  countResponse,
  countStreamResponse,
  decode,
  encode,
  patchRequestId,
  requestIdFirst,
  requestIds,
  streamRequest,
  Tally,
} from "../../../bench/end-to-end/wire.ts";
import { frameRequest, makeRows, namedEvent } from "../../../bench/end-to-end/workload.ts";

const decodedFrame = z.object({
  rows: z.number(),
  keys: z.array(z.string()),
  keyIndex: z.instanceof(Uint8Array),
  values: z.instanceof(Uint8Array),
});
const decodedEvent = z.object({ key: z.string(), numbers: z.record(z.string(), z.number()) });

describe("bytes that the load client makes and reads by hand", () => {
  test("an id is patched in place and read back by protobufjs", () => {
    const message = streamRequest(encode("ScoreRequest", { detector: "d" }));
    for (const id of [requestIdFirst, 77_777, requestIdFirst + requestIds - 1]) {
      patchRequestId(message, id);
      expect(decode("ScoreStreamRequest", message)).toEqual({
        requestId: id,
        request: { detector: "d" },
      });
    }
  });

  test("rows of frames are counted by source", () => {
    const tally = new Tally();
    const answer = encode("ScoreStreamResponse", {
      requestId: 20_000,
      response: { frame: { scores: new Uint8Array(24), sources: Uint8Array.of(1, 1, 4) } },
    });
    expect(countStreamResponse(answer, tally)).toBe(20_000);
    expect([...tally.rowsBySource]).toEqual([0, 2, 0, 0, 1]);
    expect(tally.answers).toBe(1);
  });

  test("verdicts of rows by name are counted by source", () => {
    const tally = new Tally();
    const verdicts = [
      { score: 0.5, source: 1, eventId: "a" },
      { source: 2, threshold: 0.9 },
    ];
    countResponse(encode("ScoreResponse", { verdicts }), tally);
    expect([...tally.rowsBySource]).toEqual([0, 1, 1, 0, 0]);
  });

  test("an error is counted by its reason, its id negated", () => {
    const tally = new Tally();
    const error = { code: 8, reason: "QUEUE_FULL", message: "later" };
    expect(
      countStreamResponse(encode("ScoreStreamResponse", { requestId: 17_000, error }), tally),
    ).toBe(-17_000);
    expect(tally.refused).toEqual(new Map([["QUEUE_FULL", 1]]));
    expect(tally.rows).toBe(0);
  });

  test("a frame holds the same rows as events by name", () => {
    const rows = makeRows(256, 8, 3);
    const message = decode("ScoreRequest", frameRequest("d", rows, 0))["frame"];
    const frame = decodedFrame.parse(message);
    expect(frame.rows).toBe(256);
    const view = new DataView(frame.values.buffer, frame.values.byteOffset);
    const event = decodedEvent.parse(namedEvent(rows, 100));
    expect(view.getFloat64((100 * 10 + 3) * 8, true)).toBe(event.numbers["f3"]);
    expect(frame.keys[frame.keyIndex[400] ?? -1]).toBe(event.key);
  });

  test("every key comes once in each deck", () => {
    const rows = makeRows(300, 100, 4);
    expect(new Set(rows.keys.slice(100, 200)).size).toBe(100);
  });
});
