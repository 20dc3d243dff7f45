import { readFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";

/** The Shuttle table: sensor readings with labels; src/demo/data/README.md says where it comes from. */
export interface ShuttleTable {
  /** f1 to f9. */
  readonly columns: readonly string[];
  /** Row-major, `columns.length` a row. */
  readonly values: Float64Array;
  /** 1 = labelled anomalous, one a row. */
  readonly labels: Uint8Array;
}

const columnCount = 9;

/** Reads the 5,000 rows that are shipped. */
export function readShuttle(): ShuttleTable {
  const folder = path.join(import.meta.dirname, "data");
  const bytes = gunzipSync(readFileSync(path.join(folder, "shuttle.values.f64.gz")));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    columns: Array.from({ length: columnCount }, (_, i) => `f${i + 1}`),
    values: Float64Array.from({ length: bytes.byteLength / 8 }, (_, i) =>
      view.getFloat64(i * 8, true),
    ),
    labels: new Uint8Array(readFileSync(path.join(folder, "shuttle.labels.u8"))),
  };
}
