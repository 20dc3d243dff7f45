import { expect, test } from "vitest";
import { ARENA_BASE, Op } from "../../../src/shard/layout.ts";
import { movePacked, packedRows, skipPacked } from "../../../src/shard/move-packed.ts";
import { createMemory } from "../../../src/shard/module.ts";
import { packedBytesMax, packRows } from "../../../src/shard/packed-rows.ts";
import { emptyRow, Region } from "../../../src/shard/region.ts";
import type { Views } from "../../../src/shard/region.ts";
import { viewsOf } from "../../../src/shard/shard.ts";

interface Given {
  readonly key: string;
  readonly values: readonly number[];
  readonly room: number;
}

function regionOf(rows: readonly Given[]): { readonly region: Region; readonly views: Views } {
  const views = viewsOf(createMemory(ARENA_BASE));
  const region = new Region(0, views);
  const fields = emptyRow();
  for (const [i, { key, values, room }] of rows.entries()) {
    const text = Buffer.from(key);
    fields.slot = 3;
    fields.op = Op.SCORE_AND_LEARN;
    fields.requestRow = 100 + i;
    fields.keyOffset = region.putBytes(text, 0, text.length);
    fields.keyLength = text.length;
    fields.values = values.length;
    fields.room = room;
    fields.valuesOffset = region.putValues(Float64Array.from(values), 0, values.length, room);
    region.putRow(fields);
  }
  return { region, views };
}

function packedOf(rows: readonly Given[]): Views {
  const { region, views } = regionOf(rows);
  const buffer = new ArrayBuffer(packedBytesMax(region));
  const into = {
    f64: new Float64Array(buffer),
    u32: new Uint32Array(buffer),
    u16: new Uint16Array(buffer),
    u8: new Uint8Array(buffer),
  };
  packRows(region, views, into, 0);
  return into;
}

function batchOf(views: Views, rows: readonly Given[]) {
  return {
    views,
    values: (row: number) => ({ sent: rows[row]?.values.length ?? 0, room: rows[row]?.room ?? 0 }),
    requestRow: (row: number) => 100 + row,
  };
}

/** What a reader of the region finds. */
function read({ views }: { readonly views: Views }, region: Region): unknown[] {
  const buffer = new ArrayBuffer(packedBytesMax(region));
  const into = {
    f64: new Float64Array(buffer),
    u32: new Uint32Array(buffer),
    u16: new Uint16Array(buffer),
    u8: new Uint8Array(buffer),
  };
  packRows(region, views, into, 0);
  const found: unknown[] = [];
  for (const { fields, from } of packedRows(into)) {
    const { keyOffset, keyLength, op, slot } = fields;
    const key = Buffer.from(into.u8.subarray(keyOffset, keyOffset + keyLength)).toString();
    found.push({ key, op, slot, first: into.f64[from] });
  }
  return found;
}

const same = [
  { key: "a", values: [1, 2], room: 0 },
  { key: "bb", values: [3, 4], room: 0 },
];
const roomy = [
  { key: "ccc", values: [5], room: 3 },
  { key: "d", values: [6, 7, 8], room: 2 },
];

test.each([
  ["as they are", same],
  ["without their room", roomy],
])("rows that were packed %s come behind those that gather", (_, rows) => {
  const target = regionOf([{ key: "first", values: [9], room: 0 }]);
  expect(movePacked(batchOf(packedOf(rows), rows), target.region)).toBe(true);
  const { region } = target;
  expect(region.rows).toBe(3);
  expect(region.requestRow(2)).toBe(101);
  expect([region.valuesOf(1), region.roomOf(1)]).toEqual([rows[0]?.values.length, rows[0]?.room]);
  const op = Op.SCORE_AND_LEARN;
  expect(read(target, region)).toEqual([
    { key: "first", op, slot: 3, first: 9 },
    { key: rows[0]?.key, op, slot: 3, first: rows[0]?.values[0] },
    { key: rows[1]?.key, op, slot: 3, first: rows[1]?.values[0] },
  ]);
});

test("a row that was skipped stays so, and the others keep their values", () => {
  const packed = packedOf(roomy);
  skipPacked(packed, 0);
  const target = regionOf([]);
  expect(movePacked(batchOf(packed, roomy), target.region)).toBe(true);
  const [skipped, kept] = read(target, target.region);
  expect(skipped).toMatchObject({ op: Op.SKIP });
  expect(kept).toMatchObject({ op: Op.SCORE_AND_LEARN, key: "d", first: 6 });
});

test("what does not fit is not moved in part", () => {
  const target = regionOf(Array.from({ length: 8191 }, () => ({ key: "", values: [0], room: 0 })));
  expect(movePacked(batchOf(packedOf(same), same), target.region)).toBe(false);
  expect(target.region.rows).toBe(8191);
  expect(target.region.valuesUsed).toBe(8191);
});
