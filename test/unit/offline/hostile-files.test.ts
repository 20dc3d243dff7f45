import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, describe, expect, test } from "vitest";
import { openCheckpoint, saveCheckpoint, type Progress } from "../../../src/offline/checkpoint.ts";
import { OutputFile } from "../../../src/offline/output-file.ts";
import { ParquetReader } from "../../../src/offline/parquet-reader.ts";
import { RowFault } from "../../../src/offline/rows.ts";
import { OfflineRig } from "../../support/offline.ts";

const rig = new OfflineRig();
afterAll(() => rig.remove());

type Codec = "GZIP" | "ZSTD" | "BROTLI";
const compress: Readonly<Record<Codec, (bytes: Uint8Array) => Uint8Array>> = {
  GZIP: (bytes) => gzipSync(bytes),
  ZSTD: (bytes) => zstdCompressSync(bytes),
  BROTLI: (bytes) => brotliCompressSync(bytes),
};
const rows = 1000;
const numbers = Array.from({ length: rows }, (_, i) => i + 0.5);

/** A column of numbers, whose pages `pack` makes. */
function parquet(codec: Codec, pack: (bytes: Uint8Array) => Uint8Array): Buffer {
  const columnData = [{ name: "n", data: numbers, type: "DOUBLE" as const }];
  const compressors = { [codec]: (bytes: Uint8Array) => new Uint8Array(pack(bytes)) };
  return Buffer.from(parquetWriteBuffer({ columnData, codec, compressors }));
}

/** The last number of the first block. */
async function lastOf(bytes: Uint8Array): Promise<number | undefined> {
  const path = rig.path("hostile.parquet");
  writeFileSync(path, bytes);
  const reader = await ParquetReader.open({ path, columns: ["n"], from: undefined });
  try {
    return (await reader.next(rows))?.number(rows - 1, 0);
  } finally {
    reader.close();
  }
}

describe.each(["GZIP", "ZSTD", "BROTLI"] as const)("a Parquet file with %s pages", (codec) => {
  test("is read", async () => {
    expect(await lastOf(parquet(codec, compress[codec]))).toBe(numbers.at(-1));
  });

  test("is refused where a page holds more than it declares, and no more is unpacked", async () => {
    const bomb = compress[codec](Buffer.alloc(64 << 20));
    await expect(lastOf(parquet(codec, () => bomb))).rejects.toThrow(
      "row group 1 of 1 cannot be read: Cannot create a Buffer larger than 8000 bytes",
    );
  });

  test("is refused in words where a page is damaged", async () => {
    const damaged = parquet(codec, (bytes) => compress[codec](bytes).fill(0x55, 0, 64));
    await expect(lastOf(damaged)).rejects.toThrow(RowFault);
    await expect(lastOf(damaged)).rejects.toThrow("row group 1 of 1 cannot be read: ");
  });
});

test("a Parquet file whose footer promises more rows than there are is refused", async () => {
  const bytes = parquet("GZIP", compress.GZIP);
  // Thrift's compact form of a row group's num_rows, the last such i64 of the footer: 1000, then 2000.
  const at = bytes.lastIndexOf(Buffer.from([0x16, 0xd0, 0x0f]));
  bytes.set([0x16, 0xa0, 0x1f], at);
  await expect(lastOf(bytes)).rejects.toThrow("a column has 1000 of the 2000 rows in the footer");
});

describe("an output", () => {
  test("that is a directory is refused before anything is read", async () => {
    mkdirSync(rig.path("taken.csv"));
    writeFileSync(rig.path("events.csv"), "card,time,amount\n");
    await expect(rig.derive("events.csv", "taken.csv")).rejects.toThrow(
      `cannot write ${rig.path("taken.csv")}: it is a directory`,
    );
    expect(readdirSync(rig.directory)).not.toContain("taken.csv.partial");
  });

  test("that cannot get its name says so, and not that it was closed before", () => {
    const file = new OutputFile(rig.path("late.csv"), undefined);
    file.write(Buffer.from("a\n"));
    mkdirSync(rig.path("late.csv"));
    expect(() => file.finish()).toThrow(expect.objectContaining({ code: "EISDIR" }));
    file.abandon(false);
    expect(readdirSync(rig.directory)).not.toContain("late.csv.partial");
  });
});

describe("a checkpoint", () => {
  const whole: Progress = {
    identity: { "the input": "same" },
    input: { major: 5, minor: 2 },
    output: { bytes: 7, crc: 1 },
    pending: undefined,
    counts: { rows: 1, skipped: 0, refused: 0, oldestMs: -Infinity, newestMs: 3, arrivalMs: 3 },
  };
  /** What is written with a right checksum, read again. */
  const again = (progress: object): unknown => {
    const path = rig.path("out.csv");
    saveCheckpoint(path, { ...whole, ...progress }, Buffer.from("memory"));
    return openCheckpoint(path, whole.identity)?.progress;
  };

  test("is read as it was written", () => {
    expect(again({})).toEqual(whole);
  });

  test.each([
    { input: { major: "5", minor: 2 } },
    { input: { major: -1, minor: 2 } },
    { output: { bytes: 7.5, crc: 1 } },
    { output: undefined },
    { counts: null },
    { counts: { ...whole.counts, rows: Number.NaN } },
    { identity: "same" },
  ])("that was edited by hand is refused in words: %o", (edited) => {
    expect(() => again(edited)).toThrow("out.csv.checkpoint is damaged; run without --resume");
  });
});
