import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { SnapshotDamage } from "./format.ts";

/** JSON under a line with its checksum: `weir <what> <crc32 of what follows>`. */
export function encodeText(what: string, value: unknown): Uint8Array {
  const json = `${JSON.stringify(value)}\n`;
  return Buffer.from(`${headline(what, json)}\n${json}`, "utf8");
}

/** Throws SnapshotDamage for anything that `encodeText` did not write, with the system's own error where the file cannot be read. */
export function readText(path: string, what: string): unknown {
  return decodeText(readFileSync(path), what, path);
}

/** As `readText`, of bytes that were read. */
export function decodeText(bytes: Uint8Array, what: string, path: string): unknown {
  // As Latin-1, and as it is: what is compared must be every bit of the file.
  const text = Buffer.from(bytes).toString("latin1");
  const end = text.indexOf("\n");
  const json = Buffer.from(bytes.subarray(end + 1)).toString("utf8");
  if (end < 0 || text.slice(0, end) !== headline(what, bytes.subarray(end + 1))) {
    throw new SnapshotDamage(path, `its checksum does not fit its ${bytes.length} bytes`);
  }
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new SnapshotDamage(path, "its checksum fits, and it is no JSON", error);
  }
}

function headline(what: string, body: string | Uint8Array): string {
  return `weir ${what} ${crcText(crc32(body))}`;
}

/** Eight hexadecimal digits. */
export function crcText(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
