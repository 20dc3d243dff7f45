import { Encoder } from "../encode/encoder.ts";
import { pythonText, type Cell } from "../encode/python.ts";
import type { Detector, Encoding, Input, RowEncoding } from "../domain/detector.ts";

type Row = Record<string, Cell>;

/** A detector's categories as columns, learned as rows come. */
export class CategoryEncoding implements RowEncoding {
  private readonly encoder: Encoder;
  private readonly inputs: readonly { readonly name: string; readonly column: number }[];
  private learning = false;

  /** Columns are those that the rows before the first training show. */
  constructor(
    { categoryInputs }: Pick<Detector, "categoryInputs">,
    rows: Iterable<ReadonlyMap<string, string>>,
  ) {
    const schema = new Map<string, Encoding>();
    for (const { name, encoding } of categoryInputs) {
      if (encoding !== undefined) schema.set(name, encoding);
    }
    this.encoder = Encoder.forStream(schema);
    this.inputs = categoryInputs.filter(({ name }) => schema.has(name));
    for (const row of rows) this.encoder.learn(Object.fromEntries(row));
    this.encoder.fix();
  }

  get columns(): readonly string[] {
    return this.encoder.columns;
  }

  /** From now on rows teach it: those before have. */
  start(): void {
    this.learning = true;
  }

  encode(category: (column: number) => string | undefined, out: Float64Array, at: number): void {
    this.encoder.encode(this.row(category), out, at);
  }

  learn(category: (column: number) => string | undefined): void {
    if (this.learning) this.encoder.learn(this.row(category));
  }

  private row(category: (column: number) => string | undefined): Row {
    return Object.fromEntries(this.inputs.map(({ name, column }) => [name, category(column)]));
  }
}

/** A JSON value as the text that its encoding sees: Python's, and of yes and no the words. Undefined = missing. */
export function categoryText(value: unknown, encoding?: Input["encoding"]): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "number" && typeof value !== "boolean") return undefined;
  return encoding === "binary" ? String(Boolean(value)) : pythonText(value);
}
