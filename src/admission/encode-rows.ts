import type { Detector, RowEncoding } from "../domain/detector.ts";
import { Mode } from "../domain/event.ts";
import type { ScoreRequest } from "../domain/event.ts";
import type { ProcessJournal } from "../state/process-change.ts";
import { sentCategory } from "./fallback.ts";
import type { DetectorRuntime } from "./runtime.ts";
import type { Staged } from "./staged.ts";

interface RowsToEncode {
  readonly request: ScoreRequest;
  readonly mode: Mode;
  readonly rows: number;
}

type Encoded = Detector & { readonly encoding: RowEncoding };

/** The columns of one request's categories under every encoding that sees it. Each encoding is taught once, however many detectors it is of. */
export class EncodedRows {
  private readonly what: RowsToEncode;
  private readonly journal: ProcessJournal | undefined;
  private readonly known = new Map<RowEncoding, Float64Array>();

  constructor(what: RowsToEncode, journal: ProcessJournal | undefined) {
    this.what = what;
    this.journal = journal;
  }

  /** Fills the columns of staged rows. */
  fill(staged: Staged, { detector, sources }: DetectorRuntime): void {
    if (!isEncoded(detector)) return;
    const columns = this.of(detector);
    const width = detector.encoding.columns.length;
    const first = sources.length - width;
    for (let row = 0; row < this.what.rows; row++) {
      for (let column = 0; column < width; column++) {
        const at = row * sources.length + first + column;
        staged.values[at] = columns[row * width + column] ?? Number.NaN;
      }
    }
  }

  /** rows x columns, row-major: a row is encoded by what those before it taught. */
  private of(detector: Encoded): Float64Array {
    const { encoding } = detector;
    const known = this.known.get(encoding);
    if (known !== undefined) return known;
    const { request, mode, rows } = this.what;
    const width = encoding.columns.length;
    const values = new Float64Array(rows * width);
    this.known.set(encoding, values);
    const learned: (readonly (string | null)[])[] = [];
    for (let row = 0; row < rows; row++) {
      const category = (column: number) => sentCategory(detector, request, row, column);
      encoding.encode(category, values, row * width);
      if (mode === Mode.SCORE_ONLY) continue;
      const texts = encoding.learn(category);
      if (texts !== undefined) learned.push(texts);
    }
    const [slot, ...also] = encoding.slots;
    if (learned.length === 0 || slot === undefined) return values;
    const others = also.length === 0 ? {} : { also };
    this.journal?.appendProcess({ kind: "encoded", slot, rows: learned, ...others });
    return values;
  }
}

function isEncoded(detector: Detector): detector is Encoded {
  return detector.encoding !== undefined;
}
