/** What the buffers hold: what JSON has, without lists and objects. null = missing. */
export type Cell = number | string | boolean | null;

/** A number; where text or booleans are among them, also a reference and the text's header behind it. */
export function cellBytes(isMixed: boolean): number {
  return isMixed ? 32 : 8;
}

/**
 * One column of a ring of rows. It is numeric while all that came was numbers, null and, beside numbers, booleans (as 0 and 1, as
 * Polars merges them); text ends that for as long as the column lives.
 */
export class Column {
  readonly name: string;
  /** NaN = no number. */
  private numbers: Float64Array;
  /** Text and booleans, null elsewhere; absent until one comes. */
  private others: (string | boolean | null)[] | undefined;
  /** Characters of its texts. */
  private characters = 0;
  private sawNumber = false;
  private sawText = false;

  constructor(name: string, capacity: number) {
    this.name = name;
    this.numbers = new Float64Array(capacity).fill(Number.NaN);
  }

  get isNumeric(): boolean {
    return this.sawNumber && !this.sawText;
  }

  /** What its cells take at most, texts among them. */
  get bytes(): number {
    return this.numbers.length * cellBytes(this.others !== undefined) + this.characters * 2;
  }

  /** Bytes, without characters, that its cells take more at another capacity, and where text or booleans come. */
  growth(from: number, to: number, mixes: boolean): number {
    const isMixed = this.others !== undefined;
    return cellBytes(isMixed || mixes) * to - cellBytes(isMixed) * from;
  }

  set(index: number, cell: Cell): void {
    const isNumber = typeof cell === "number";
    if (isNumber) this.sawNumber = true;
    this.numbers[index] = isNumber ? cell : Number.NaN;
    const other = isNumber ? null : cell;
    if (other === null && this.others === undefined) return;
    if (typeof other === "string") this.sawText = true;
    this.others ??= nulls(this.numbers.length);
    this.characters += charactersOf(other) - charactersOf(this.others[index]);
    this.others[index] = other;
  }

  get(index: number): Cell {
    const cell = this.others?.[index] ?? this.numbers[index] ?? Number.NaN;
    if (typeof cell === "number" && Number.isNaN(cell)) return null;
    if (this.sawText) return String(cell);
    return this.sawNumber ? Number(cell) : cell;
  }

  /** Of a numeric column; NaN = null. */
  number(index: number): number {
    return Number(this.others?.[index] ?? this.numbers[index] ?? Number.NaN);
  }

  /** A larger ring. The rows must begin at 0. */
  grow(capacity: number): void {
    const { numbers, others } = this;
    this.numbers = new Float64Array(capacity).fill(Number.NaN);
    this.numbers.set(numbers);
    if (others === undefined) return;
    this.others = nulls(capacity);
    for (const [i, other] of others.entries()) this.others[i] = other;
  }
}

function nulls(count: number): (string | boolean | null)[] {
  // oxlint-disable-next-line unicorn/no-new-array -- Array.from takes six times as long, and one row may turn 256 columns
  return new Array<string | boolean | null>(count).fill(null);
}

function charactersOf(cell: string | boolean | null | undefined): number {
  return typeof cell === "string" ? cell.length : 0;
}
