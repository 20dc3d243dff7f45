import { z } from "zod";
import { limits } from "../config/limits.ts";
import { normalizeSpec } from "../config/detector-spec.ts";
import { isWindowModel } from "../domain/detector.ts";
import { Encoder } from "../encode/encoder.ts";
import { encoderState } from "../encode/state.ts";
import type { EncoderState } from "../encode/state.ts";
import { decodeProcessChange, Kind } from "./journal/entry.ts";
import type { Entry } from "./journal/entry.ts";
import type { Catalogue, KeptRowJson, ProcessChange } from "./process-change.ts";

/** Raised when the shape of `toJson` changes. */
const FORMAT = 1;

const slot = z.int().min(0).max(255);
const count = z.int().min(0);

const catalogue = z.object({
  detectors: z
    .array(
      z.object({
        name: z.string(),
        slot,
        version: count,
        spec: z.unknown(),
        discovered: z.array(z.string()).optional(),
        uncounted: count.optional(),
        versions: z.unknown().optional(),
      }),
    )
    .refine(
      (all) => new Set(all.map((each) => each.slot)).size === all.length,
      "expected a slot of its own for each detector",
    ),
});

const keptRow = z.object({
  id: z.string(),
  key: z.string(),
  timeUnixMs: z.number(),
  fields: z.array(z.tuple([z.string(), z.unknown()])),
});

const processJson = z.object({
  format: z.literal(FORMAT),
  catalogue,
  kept: z.array(z.object({ slot, total: count, rows: z.array(keptRow) })),
  encodings: z.array(z.object({ slot, state: encoderState })),
});

/** As JSON; what `fromJson` takes. */
type ProcessJson = z.infer<typeof processJson>;

/** Rows of a detector that does not know its inputs yet. */
interface Kept {
  /** Rows that came, those among them that are not kept any more. */
  total: number;
  rows: KeptRowJson[];
  /** Index of the oldest one that has not left. */
  first: number;
}

/** Rows that discovery takes beyond the window while it makes the detector. */
const overflowRowsMax = 4 * limits.requestRowsMax;
/** Rows that have left are cut off so many at a time. */
const CUT_ROWS = 1024;

/**
 * What a server keeps beside its shards, brought forward by the changes in its journal: all detectors, rows of those that do not know their
 * inputs yet, and what encodings have learned. Bounded as the server is: of kept rows the newest, a window and what discovery takes beyond it.
 */
export class ProcessState {
  private current: Catalogue = { detectors: [] };
  /** Whether a catalogue was ever written. */
  isKnown = false;
  private readonly keptBySlot = new Map<number, Kept>();
  private readonly encoders = new Map<number, Encoder>();
  /** By slot, found when they are needed: a catalogue's specifications are not all read each time. */
  private readonly bounds = new Map<number, number>();

  get catalogue(): Catalogue {
    return this.current;
  }

  /** Rows of a detector that were kept, the oldest first, and how many came. */
  kept(of: number): { readonly rows: readonly KeptRowJson[]; readonly total: number } | undefined {
    const kept = this.keptBySlot.get(of);
    return kept === undefined
      ? undefined
      : { rows: kept.rows.slice(kept.first), total: kept.total };
  }

  /** What a detector's encoding has learned; undefined = it encodes nothing, or its columns are not known. */
  encoding(of: number): EncoderState | undefined {
    return this.encoders.get(of)?.state();
  }

  /** The same by slot. */
  encodings(): ReadonlyMap<number, EncoderState> {
    return new Map(Array.from(this.encoders, ([at, encoder]) => [at, encoder.state()]));
  }

  /** Entries of other kinds than PROCESS change nothing here. */
  applyEntry({ kind, position, body }: Entry): void {
    if (kind !== Kind.PROCESS) return;
    try {
      this.apply(decodeProcessChange(body));
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new Error(`entry ${position} of the journal: ${what}`, { cause: error });
    }
  }

  apply(change: ProcessChange): void {
    switch (change.kind) {
      case "catalogue":
        this.current = change.catalogue;
        this.isKnown = true;
        this.bounds.clear();
        return;
      case "kept":
        this.keep(change.slot, change.rows);
        return;
      case "forgotten":
        this.keptBySlot.delete(change.slot);
        this.encoders.delete(change.slot);
        return;
      case "encoding":
        this.encoders.set(change.slot, Encoder.restore(change.state));
        return;
      case "encoded":
        for (const at of [change.slot, ...(change.also ?? [])]) this.learn(at, change.rows);
        return;
      default:
        change satisfies never;
    }
  }

  toJson(): ProcessJson {
    return {
      format: FORMAT,
      catalogue: {
        detectors: this.current.detectors.map(({ discovered, ...rest }) => ({
          ...rest,
          ...(discovered === undefined ? {} : { discovered: [...discovered] }),
        })),
      },
      kept: Array.from(this.keptBySlot, ([at, { total, rows, first }]) => ({
        slot: at,
        total,
        rows: rows.slice(first).map(({ id, key, timeUnixMs, fields }) => ({
          id,
          key,
          timeUnixMs,
          fields: fields.map(([name, value]): [string, unknown] => [name, value]),
        })),
      })),
      encodings: Array.from(this.encoders, ([at, encoder]) => ({
        slot: at,
        state: encoder.state(),
      })),
    };
  }

  /** Throws an Error that names the first thing that is wrong. */
  static fromJson(json: unknown): ProcessState {
    const read = processJson.safeParse(json);
    if (!read.success) {
      const [issue] = read.error.issues;
      const where = issue?.path.join(".") ?? "";
      throw new Error(
        `the state of the process is not what Weir writes: ${where === "" ? "it" : where}: ${issue?.message ?? "wrong"}`,
      );
    }
    const state = new ProcessState();
    state.isKnown = true;
    state.current = {
      detectors: read.data.catalogue.detectors.map(({ discovered, uncounted, ...rest }) => ({
        ...rest,
        ...(discovered === undefined ? {} : { discovered }),
        ...(uncounted === undefined ? {} : { uncounted }),
      })),
    };
    for (const { slot: at, total, rows } of read.data.kept) {
      state.keptBySlot.set(at, { total, rows, first: 0 });
    }
    for (const { slot: at, state: learned } of read.data.encodings) {
      state.encoders.set(at, Encoder.restore(learned));
    }
    return state;
  }

  private keep(at: number, rows: readonly KeptRowJson[]): void {
    let kept = this.keptBySlot.get(at);
    if (kept === undefined) {
      kept = { total: 0, rows: [], first: 0 };
      this.keptBySlot.set(at, kept);
    }
    kept.total += rows.length;
    for (const row of rows) if (row.fields.length > 0) kept.rows.push(row);
    kept.first = Math.max(kept.first, kept.rows.length - this.rowsMax(at));
    if (kept.first < CUT_ROWS) return;
    kept.rows.splice(0, kept.first);
    kept.first = 0;
  }

  private rowsMax(at: number): number {
    let bound = this.bounds.get(at);
    if (bound === undefined) {
      bound = this.windowRows(at) + overflowRowsMax;
      this.bounds.set(at, bound);
    }
    return bound;
  }

  private windowRows(at: number): number {
    const entry = this.current.detectors.find((each) => each.slot === at);
    if (entry === undefined) return limits.windowRowsMax;
    const { model } = normalizeSpec(entry.spec);
    return isWindowModel(model) ? model.windowRows : limits.windowRowsMax;
  }

  private learn(at: number, rows: readonly (readonly (string | null)[])[]): void {
    const encoder = this.encoders.get(at);
    if (encoder === undefined) {
      throw new Error(`texts for the encoding of slot ${at}, which has none`);
    }
    const names = encoder.features;
    for (const texts of rows) {
      encoder.learn(Object.fromEntries(names.map((name, i) => [name, texts[i] ?? null])));
    }
  }
}
