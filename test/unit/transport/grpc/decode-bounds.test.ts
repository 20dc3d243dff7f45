import { expect, test } from "vitest";
import { limits } from "../../../../src/config/limits.ts";
import { WeirError } from "../../../../src/domain/errors.ts";
import { decodeScoreRequest } from "../../../../src/transport/grpc/decode.ts";

const LIST = 200_000;
const read = limits.requestRowsMax + 1;

/** The same empty field, over and over: two bytes each. */
function repeated(tag: number): Buffer {
  return Buffer.alloc(LIST * 2, Buffer.from([tag, 0]));
}

function inFrame(fields: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = fields.length; rest > 0; rest >>>= 7) {
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
  }
  return Buffer.concat([Buffer.from([26, ...length]), fields]);
}

function decoded(bytes: Buffer) {
  const request = decodeScoreRequest(bytes);
  if (request instanceof WeirError) throw request;
  return request;
}

test("of more events than a request may have, one too many is read", () => {
  expect(decoded(repeated(18)).events).toHaveLength(read);
});

test.each([
  ["keys", 26],
  ["ids", 50],
  ["categories", 66],
  ["systemActions", 82],
] as const)("of a frame's %s no more are read than are needed to refuse them", (field, tag) => {
  expect(decoded(inFrame(repeated(tag))).frame?.[field]).toHaveLength(read);
});
