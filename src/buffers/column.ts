/** What the buffers hold: what JSON has, without lists and objects. null = missing. */
export type Cell = number | string | boolean | null;

/** A number; where text or booleans are among them, a reference with the number or the text's header behind it. */
export function cellBytes(isMixed: boolean): number {
  return isMixed ? 24 : 8;
}

/**
 * One column of a ring of rows. It is numeric while all that came was numbers, null and, beside numbers, booleans (as 0 and 1, as
 * Polars merges them); text ends that for as long as the column lives.
 */
export class Column {
  readonly name: string;
  /** NaN = null. Kept while the column is numeric. */
  private numbers: Float64Array | undefined;
  private cells: Cell[] | undefined;
  /** Characters of its texts. */
  private characters = 0;
  private sawNumber = false;
  private sawText = false;
  private sawBoolean = false;

  constructor(name: string, capacity: number) {
    this.name = name;
    this.numbers = new Float64Array(capacity).fill(Number.NaN);
  }

  get isNumeric(): boolean {
    return this.sawNumber && !this.sawText;
  }

  /** What its cells take at most, texts among them. */
  get bytes(): number {
    const { numbers, cells, characters } = this;
    const count = numbers?.length ?? cells?.length ?? 0;
    return count * cellBytes(cells !== undefined) + characters * 2;
  }

  /** Bytes, without characters, that its cells take more at another capacity, and where text or booleans come. */
  growth(from: number, to: number, mixes: boolean): number {
    const isMixed = this.cells !== undefined;
    return cellBytes(isMixed || mixes) * to - cellBytes(isMixed) * from;
  }

  set(index: number, cell: Cell): void {
    if (typeof cell === "string") this.sawText = true;
    else if (typeof cell === "boolean") this.sawBoolean = true;
    else if (cell !== null) this.sawNumber = true;
    if (this.numbers !== undefined && (this.sawText || this.sawBoolean)) this.turnIntoCells();
    if (this.numbers !== undefined) this.numbers[index] = cell === null ? Number.NaN : Number(cell);
    else if (this.cells !== undefined) {
      this.characters += charactersOf(cell) - charactersOf(this.cells[index]);
      this.cells[index] = cell;
    }
  }

  get(index: number): Cell {
    if (this.numbers !== undefined) {
      const value = this.numbers[index] ?? Number.NaN;
      return Number.isNaN(value) ? null : value;
    }
    const cell = this.cells?.[index] ?? null;
    if (cell === null || typeof cell === "string") return cell;
    if (this.sawText) return String(cell);
    return this.sawNumber ? Number(cell) : cell;
  }

  /** NaN = null. */
  number(index: number): number {
    if (this.numbers !== undefined) return this.numbers[index] ?? Number.NaN;
    const cell = this.cells?.[index] ?? null;
    return cell === null ? Number.NaN : Number(cell);
  }

  /** A larger ring: the rows from `head` on come first. */
  grow(capacity: number, head: number, size: number): void {
    const order = (i: number, length: number): number => (head + i) % length;
    const { numbers, cells } = this;
    if (numbers !== undefined) {
      const grown = new Float64Array(capacity).fill(Number.NaN);
      for (let i = 0; i < size; i++) grown[i] = numbers[order(i, numbers.length)] ?? Number.NaN;
      this.numbers = grown;
    } else if (cells !== undefined) {
      const grown: Cell[] = Array.from({ length: capacity }, () => null);
      for (let i = 0; i < size; i++) grown[i] = cells[order(i, cells.length)] ?? null;
      this.cells = grown;
    }
  }

  private turnIntoCells(): void {
    const numbers = this.numbers ?? new Float64Array();
    const cells: Cell[] = Array.from({ length: numbers.length }, () => null);
    for (const [i, value] of numbers.entries()) if (!Number.isNaN(value)) cells[i] = value;
    this.cells = cells;
    this.numbers = undefined;
  }
}

function charactersOf(cell: Cell | undefined): number {
  return typeof cell === "string" ? cell.length : 0;
}
