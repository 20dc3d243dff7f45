/** Rows of a batch, or of several in the journal's order, as far as they are told apart by it. */
export interface SharedRows {
  readonly rows: number;
  /** Whether its key was in the share of a shadow when it came: both have the row. */
  isShared(row: number): boolean;
  /** Whether it is the shadow's. */
  isAside(row: number): boolean;
  /** The detector that it was sent to; undefined = nobody knows. */
  asked(row: number): string | undefined;
  /** Hash of the key that the client sent. */
  client(row: number): string;
  /** Unix ms. */
  arrivalMs(row: number): number;
}

/**
 * Which row of a shadow is which of its live one's: rows of a key that came at the same time are in the same order with both. One that was
 * cancelled is cancelled with both.
 */
export function sharedPairs(rows: SharedRows): ReadonlyMap<number, number> {
  const waiting = new Map<string, number[]>();
  for (let row = 0; row < rows.rows; row++) {
    if (!rows.isShared(row) || !rows.isAside(row)) continue;
    const name = nameOf(rows, row);
    const known = waiting.get(name);
    if (known === undefined) waiting.set(name, [row]);
    else known.push(row);
  }
  const pairs = new Map<number, number>();
  for (let row = 0; row < rows.rows && waiting.size > 0; row++) {
    if (!rows.isShared(row) || rows.isAside(row)) continue;
    const other = waiting.get(nameOf(rows, row))?.shift();
    if (other !== undefined) pairs.set(row, other);
  }
  return pairs;
}

function nameOf(rows: SharedRows, row: number): string {
  return `${rows.arrivalMs(row)} ${rows.client(row)} ${rows.asked(row) ?? ""}`;
}
