/** The key and id of a row, as the client sent them. */
export interface RowText {
  /** "" also where the journal keeps none: of a row without an id of a detector whose rows share one cell. */
  readonly key: string;
  /** "" = it had none. */
  readonly id: string;
}

/** @param oneCell the row is one of the key "", and its id has the client's key in it: see one-cell.ts */
export function rowText(key: Uint8Array, id: Uint8Array, oneCell: boolean): RowText {
  if (!oneCell) return { key: textOf(key), id: textOf(id) };
  const keyBytes = (id[0] ?? 0) | ((id[1] ?? 0) << 8);
  return { key: textOf(id.subarray(2, 2 + keyBytes)), id: textOf(id.subarray(2 + keyBytes)) };
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return byteLength === 0 ? "" : Buffer.from(buffer, byteOffset, byteLength).toString("utf8");
}
