import type { EncoderState } from "../encode/state.ts";
import type { Position } from "../shard/journal.ts";

/** A row by name, as discovery keeps it. */
export interface KeptRowJson {
  readonly id: string;
  readonly key: string;
  /** 0 = arrival. */
  readonly timeUnixMs: number;
  readonly fields: readonly (readonly [name: string, value: unknown])[];
}

/** What the server keeps of a detector beside the shards. */
export interface CatalogueEntry {
  readonly name: string;
  /** Index of its state in every shard. */
  readonly slot: number;
  /** Of the specification: 1, 2, ... */
  readonly version: number;
  /** The canonical JSON of the DetectorSpec as it was declared. */
  readonly spec: unknown;
  /** Names of the number inputs that were discovered; absent = they were declared, or are not known yet. */
  readonly discovered?: readonly string[];
  /** Rows that came before its inputs were known and that no shard has counted; absent = none. */
  readonly uncounted?: number;
  /** Versions that can be gone back to, shadows, shares: src/versions. */
  readonly versions?: unknown;
}

/** Every detector there is, in the order of names. Replaces the one before. */
export interface Catalogue {
  readonly detectors: readonly CatalogueEntry[];
}

/** A change of what is kept outside of the shards, in one order with theirs. */
export type ProcessChange =
  | { readonly kind: "catalogue"; readonly catalogue: Catalogue }
  /** Rows of a detector that does not know its inputs yet. */
  | { readonly kind: "kept"; readonly slot: number; readonly rows: readonly KeptRowJson[] }
  /** The detector's kept rows and what its encoding has learned are forgotten: it was reset, deleted, or has settled. */
  | { readonly kind: "forgotten"; readonly slot: number }
  /** What a detector's encoding is from now on. */
  | { readonly kind: "encoding"; readonly slot: number; readonly state: EncoderState }
  /** Texts that rows taught the encoding, a row each, in the order of its fields; null = missing. */
  | {
      readonly kind: "encoded";
      readonly slot: number;
      readonly rows: readonly (readonly (string | null)[])[];
      /** Other slots whose detectors have the same encoding; absent = none. */
      readonly also?: readonly number[];
    };

/** Where such changes go before they count, in one order with the shards'. */
export interface ProcessJournal {
  appendProcess(change: ProcessChange): Position;
}
