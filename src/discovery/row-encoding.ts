import { Encoder } from "../encode/encoder.ts";
import type { EncoderState } from "../encode/state.ts";
import { pythonText, type Cell } from "../encode/python.ts";
import type { Detector, Encoding, Input, RowEncoding } from "../domain/detector.ts";

type Row = Record<string, Cell>;

/** A detector's categories as columns, learned as rows come. */
export class CategoryEncoding implements RowEncoding {
  private readonly encoder: Encoder;
  private readonly inputs: readonly { readonly name: string; readonly column: number }[];
  private learning = false;
  private readonly joined = new Set<number>();

  private constructor({ categoryInputs }: Pick<Detector, "categoryInputs">, encoder: Encoder) {
    this.encoder = encoder;
    this.inputs = categoryInputs.filter(({ encoding }) => encoding !== undefined);
  }

  /** Columns are those that the rows before the first training show. */
  static of(
    detector: Pick<Detector, "categoryInputs">,
    rows: Iterable<ReadonlyMap<string, string>>,
  ): CategoryEncoding {
    const schema = new Map<string, Encoding>();
    for (const { name, encoding } of detector.categoryInputs) {
      if (encoding !== undefined) schema.set(name, encoding);
    }
    const encoder = Encoder.forStream(schema);
    for (const row of rows) encoder.learn(Object.fromEntries(row));
    encoder.fix();
    return new CategoryEncoding(detector, encoder);
  }

  /** As it was; it goes on learning. */
  static restore(
    detector: Pick<Detector, "categoryInputs">,
    state: EncoderState,
  ): CategoryEncoding {
    const encoding = new CategoryEncoding(detector, Encoder.restore(state));
    encoding.start();
    return encoding;
  }

  get columns(): readonly string[] {
    return this.encoder.columns;
  }

  get slots(): ReadonlySet<number> {
    return this.joined;
  }

  join(slot: number): void {
    this.joined.add(slot);
  }

  leave(slot: number): void {
    this.joined.delete(slot);
  }

  /** From now on rows teach it: those before have. */
  start(): void {
    this.learning = true;
  }

  encode(category: (column: number) => string | undefined, out: Float64Array, at: number): void {
    this.encoder.encode(this.row(category), out, at);
  }

  learn(category: (column: number) => string | undefined): readonly (string | null)[] | undefined {
    if (!this.learning) return undefined;
    const row = this.row(category);
    this.encoder.learn(row);
    return this.encoder.features.map((name) => textOf(row[name]));
  }

  state(): EncoderState {
    return this.encoder.state();
  }

  private row(category: (column: number) => string | undefined): Row {
    return Object.fromEntries(this.inputs.map(({ name, column }) => [name, category(column)]));
  }
}

function textOf(cell: Cell): string | null {
  return typeof cell === "string" ? cell : null;
}

/** A JSON value as the text that its encoding sees: Python's, and of yes and no the words. Undefined = missing. */
export function categoryText(value: unknown, encoding?: Input["encoding"]): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "number" && typeof value !== "boolean") return undefined;
  return encoding === "binary" ? String(Boolean(value)) : pythonText(value);
}
