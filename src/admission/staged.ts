/** Bits of a staged row's flags, as the shard reads them. */
export const FLAG = { systemAction: 1, explain: 2, hasMissing: 4, hasId: 8 } as const;

/**
 * A request's rows as columns, validated and with defaults filled, before they go to their shards. One instance serves all
 * requests, one after the other: admission is synchronous.
 */
export class Staged {
  rows = 0;
  keys = 0;
  /** Whether any row took a default. */
  anyDefaulted = false;
  /** rows x sources, row-major; NaN = missing. */
  values = new Float64Array(1024);
  /** Bits, rows x declared inputs, each row from a new byte. */
  defaulted = new Uint8Array(64);
  keyOf = new Uint32Array(64);
  flags = new Uint8Array(64);
  times = new Float64Array(64);
  idStart = new Uint32Array(64);
  idLength = new Uint16Array(64);
  keyLo = new Uint32Array(64);
  keyHi = new Uint32Array(64);
  keyStart = new Uint32Array(64);
  keyLength = new Uint16Array(64);
  /** UTF-8 of keys and ids. */
  text = new Uint8Array(4096);
  textLength = 0;

  /** Makes room for a request and forgets the last one. */
  begin(rows: number, keys: number, sources: number, defaultedBytes: number): void {
    this.rows = rows;
    this.keys = keys;
    this.textLength = 0;
    if (this.anyDefaulted) this.defaulted.fill(0);
    this.anyDefaulted = false;
    if (this.values.length < rows * sources) this.values = new Float64Array(rows * sources * 2);
    if (this.defaulted.length < rows * defaultedBytes) {
      this.defaulted = new Uint8Array(rows * defaultedBytes * 2);
    }
    if (this.keyOf.length < rows) this.growRows(rows * 2);
    if (this.keyLo.length < keys) this.growKeys(keys * 2);
  }

  /** Makes room for `bytes` more bytes of text. */
  reserveText(bytes: number): void {
    if (this.textLength + bytes <= this.text.length) return;
    const grown = new Uint8Array((this.textLength + bytes) * 2);
    grown.set(this.text.subarray(0, this.textLength));
    this.text = grown;
  }

  markDefaulted(row: number, bytesPerRow: number, position: number): void {
    const index = row * bytesPerRow + (position >>> 3);
    this.defaulted[index] = (this.defaulted[index] ?? 0) | (1 << (position & 7));
    this.anyDefaulted = true;
  }

  private growRows(rows: number): void {
    this.keyOf = new Uint32Array(rows);
    this.flags = new Uint8Array(rows);
    this.times = new Float64Array(rows);
    this.idStart = new Uint32Array(rows);
    this.idLength = new Uint16Array(rows);
  }

  private growKeys(keys: number): void {
    this.keyLo = new Uint32Array(keys);
    this.keyHi = new Uint32Array(keys);
    this.keyStart = new Uint32Array(keys);
    this.keyLength = new Uint16Array(keys);
  }
}
