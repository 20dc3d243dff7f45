import { describeSpec } from "../config/describe-spec.ts";
import { normalizeSpec } from "../config/detector-spec.ts";
import type { Detector, DetectorConfig, Input } from "../domain/detector.ts";
import type { EncoderState } from "../encode/state.ts";
import type { ShardJournal } from "../shard/journal.ts";
import { notLearning } from "../shard/mender.ts";
import type {
  Catalogue,
  CatalogueEntry,
  KeptRowJson,
  ProcessChange,
  ProcessJournal,
} from "../state/process-change.ts";

export type CatalogueJournal = ProcessJournal &
  Pick<ShardJournal, "failed" | "newest" | "whenDurable" | "together">;

/** Rows of a detector that does not know its inputs, and how many came in all. */
export interface KeptRowsOf {
  readonly rows: readonly KeptRowJson[];
  readonly total: number;
}

/** What was brought back of the detectors beside their state in the shards. */
export interface Recovered {
  /** Undefined = the journal knows of none yet. */
  readonly catalogue: Catalogue | undefined;
  /** By slot. */
  readonly encodings: ReadonlyMap<number, EncoderState>;
  /** By slot. */
  readonly kept: ReadonlyMap<number, KeptRowsOf>;
}

/** What is kept of a detector in the catalogue beside its specification. */
export interface Kept {
  readonly version: number;
  readonly uncounted: number;
  readonly versions: unknown;
}

/** `declared` is the configuration as it was declared, before inputs were discovered. */
export function catalogueEntry(
  detector: Detector,
  declared: DetectorConfig,
  kept: Kept,
): CatalogueEntry {
  const { name, slot, config } = detector;
  const settled = declared !== config || detector.encoding !== undefined;
  const { version, uncounted, versions } = kept;
  return {
    name,
    slot,
    version,
    spec: describeSpec(declared),
    ...(settled ? { discovered: config.inputs.map((input) => input.name) } : {}),
    ...(uncounted > 0 ? { uncounted } : {}),
    ...(versions === undefined ? {} : { versions }),
  };
}

/** The configuration as it was declared, and as it is with the inputs that were discovered. */
export function configsOf(entry: CatalogueEntry): {
  readonly declared: DetectorConfig;
  readonly config: DetectorConfig;
} {
  const declared = normalizeSpec(entry.spec, `the journal: detectors.${entry.name}`);
  if (entry.discovered === undefined) return { declared, config: declared };
  const inputs =
    declared.inputs.length > 0 ? declared.inputs : entry.discovered.map(discoveredInput);
  return { declared, config: Object.freeze({ ...declared, inputs }) };
}

/** A number field that was discovered: rows may lack it. */
export function discoveredInput(name: string, position: number): Input {
  return {
    name,
    type: "number",
    defaultValue: Number.NaN,
    missing: "model",
    rulesOnly: false,
    column: position,
    position,
  };
}

/** Appends changes in one piece and resolves when they are on disk. Throws, or rejects with, NOT_LEARNING when they are not and will not be. */
export async function appendAll(
  journal: CatalogueJournal,
  changes: readonly ProcessChange[],
): Promise<void> {
  if (journal.failed) throw notLearning();
  journal.together(() => {
    for (const change of changes) journal.appendProcess(change);
  });
  await written(journal);
}

/** Resolves when everything that was appended so far is on disk. Rejects with NOT_LEARNING when it is not and will not be. */
export async function written(journal: CatalogueJournal): Promise<void> {
  if (journal.failed) throw notLearning();
  const durable = await new Promise<boolean>((resolve) => {
    journal.whenDurable(journal.newest, resolve);
  });
  if (!durable) throw notLearning();
}

export const nothingRecovered: Recovered = {
  catalogue: undefined,
  encodings: new Map(),
  kept: new Map(),
};
