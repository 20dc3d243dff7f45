import type { Region } from "./region.ts";

/**
 * The place of an entry in the journal: 1, 2, ... over all shards, in the one order in which the main thread appended them. Each shard's
 * entries among them are in the order in which the shard took them, so every position is a consistent cut through all shards.
 */
export type Position = number;

/** A change of a shard's state beside its rows: what the kernel is told between two batches. Live and in a replay it goes through `applyChange`. */
export type Change =
  /** `block` is what CONTROL holds for the kernel; `spec` tells a reader which detector it is (JSON of `SlotSpec`). */
  | {
      readonly kind: "create";
      readonly slot: number;
      readonly block: Float64Array;
      readonly spec: string;
    }
  /** The same detector with other settings that leave its state as it is. */
  | {
      readonly kind: "configure";
      readonly slot: number;
      readonly block: Float64Array;
      readonly spec: string;
    }
  | { readonly kind: "reset"; readonly slot: number }
  | { readonly kind: "delete"; readonly slot: number }
  /** The training that was due first was taken, and its rows given back after they were copied out. */
  | { readonly kind: "take"; readonly handle: number }
  | { readonly kind: "swap"; readonly handle: number; readonly model: Uint8Array }
  | { readonly kind: "drop"; readonly handle: number; readonly failed: boolean }
  /** A part of a detector's state, as the kernel's `exportState` wrote it. */
  | { readonly kind: "import"; readonly slot: number; readonly part: Uint8Array }
  /** The memory may be used up to here from now on. */
  | { readonly kind: "resize"; readonly memoryBytes: number };

/** What a "create" or "configure" says of its slot, as JSON in `spec`. */
export interface SlotSpec {
  readonly name: string;
  readonly version: number;
  /** The canonical JSON of the DetectorSpec, with discovered inputs filled in. */
  readonly spec: unknown;
  /** Names of encoded columns, of a detector that encodes categories. */
  readonly encoded?: readonly string[];
}

/** A verdict of the fallback for a row of the journal: what the client got while the model had not answered. */
export interface Answered {
  readonly position: Position;
  /** The row in that entry. */
  readonly row: number;
  readonly score: number;
  readonly threshold: number;
  readonly source: number;
  readonly state: number;
  readonly anomaly: number;
  /** Index into the detector's rules; -1 = none. */
  readonly rule: number;
  /** Of the cached score, else 0. Journals of before have 0, as with the model's version. */
  readonly rawScore: number;
  /** Of the key's model as far as it was known. */
  readonly modelVersion: number;
  /** 1 = the id had been answered before, and that was given again. */
  readonly replayed: number;
}

/**
 * Where a shard's rows and changes go before they count. An entry is on disk when `durable` has reached its position; entries become durable in
 * their order. Nothing blocks: entries wait in a buffer of bounded size, and while it is full no batch is cut.
 */
export interface ShardJournal {
  /** Nothing can be written: what would change a shard must not happen. Positions above `durable` are void. */
  readonly failed: boolean;
  /** False = no batch or change may be taken now; `onRoom` is called when one can. */
  readonly hasRoom: boolean;
  onRoom: (() => void) | undefined;
  /** Of the entry that was appended last. */
  readonly newest: Position;
  /** Of the newest entry that is on disk. */
  readonly durable: Position;
  /** The rows of a region that was sealed, before they are stepped. 0 = nothing is kept. */
  appendRows(shard: number, region: Region): Position;
  /** Rows that were packed before (`packRows`), of nobody who waits for them. */
  appendPacked(shard: number, packed: Uint8Array): Position;
  /** What the step made of the rows of that entry, in the same order: for comparisons. Not waited for. */
  appendVerdicts(shard: number, of: Position, region: Region): void;
  appendChange(shard: number, change: Change): Position;
  /** The rows of that entry were not applied after all: a replay leaves them out. */
  appendVoid(shard: number, of: Position): Position;
  /** Whatever `append` appends comes to the disk in one commit: all of it survives a crash, or nothing. Synchronous. */
  together(append: () => void): void;
  /** What clients got from the fallback. Not waited for. */
  appendAnswers(answers: readonly Answered[]): void;
  /** Calls back when the position is durable, at once when it is; or when it never will be: the journal failed before it. */
  whenDurable(position: Position, done: (durable: boolean) => void): void;
}

/** Keeps nothing: durability "none". */
export const noJournal: ShardJournal = {
  failed: false,
  hasRoom: true,
  onRoom: undefined,
  newest: 0,
  durable: 0,
  appendRows: () => 0,
  appendPacked: () => 0,
  appendVerdicts: () => undefined,
  appendChange: () => 0,
  appendVoid: () => 0,
  together: (append) => append(),
  appendAnswers: () => undefined,
  whenDurable: (_position, done) => done(false),
};
