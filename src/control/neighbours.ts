import { normalizeSpec } from "../config/detector-spec.ts";
import type { Detector, DetectorConfig } from "../domain/detector.ts";

/** Detectors that are there because of others: shadows, and versions that are still learning. */
export interface Neighbours {
  /**
   * What was there before a restart: by name, what `describe` gave, and the detectors of versions that were learning. Before anything is
   * described again.
   */
  bringBack(kept: ReadonlyMap<string, unknown>, learning: ReadonlyMap<string, Detector>): void;
  /** Whether the configuration declared the detector like this the last time, or, where that is not known, it has had this specification. */
  wasDeclared(detector: Detector, config: DetectorConfig): boolean;
  /** The configuration declares the detector like this. */
  noteDeclared(detector: Detector, config: DetectorConfig): void;
  /** The detector is about to be removed: what goes with it, and sees nothing any more. */
  dependents(detector: Detector): readonly Detector[];
  /** Throws for a detector whose removal would remove shadows that clients have started. */
  checkRemove(detector: Detector): void;
  /** Throws where a reset would give the detector other inputs than its shadows have. */
  checkReset(detector: Detector): void;
  /** Whether the detector sees another one's rows, with the inputs that those have. */
  isShadow(detector: Detector): boolean;
  /** What is kept of versions and shadows in the detector's entry of the catalogue; undefined = nothing. */
  describe(detector: Detector): unknown;
}

/** What an entry of the catalogue keeps of a detector's versions and of its being a shadow. */
export interface KeptVersions {
  /** The detector that it shadows; absent = it is no shadow. */
  readonly shadowOf?: string;
  /** Of keys that it answers; absent = 0. */
  readonly share?: number;
  /** From behind which entry on its rows are encoded by what encodes them now; absent = always. */
  readonly encodedSince?: number;
  /** What the configuration declared last; absent = it did not. */
  readonly declared?: unknown;
  /** All that are known, the oldest first; absent = the first one serves. */
  readonly history?: readonly VersionJson[];
  /** Which slot answered over which entries of the journal, the oldest first; `until` 0 = it still does. */
  readonly stretches?: readonly {
    readonly slot: number;
    readonly after: number;
    readonly until: number;
    readonly version: number;
  }[];
  /** A version that learns beside the one that serves. */
  readonly learning?: { readonly slot: number; readonly version: number; readonly spec: unknown };
}

export interface VersionJson {
  readonly version: number;
  readonly spec: unknown;
  readonly madeUnixMs: number;
  readonly from: number;
  readonly to: number;
  readonly events: number;
  readonly keptState: boolean;
  readonly problem: string;
  /** Of its state, under the data directory; absent = there is none. */
  readonly file?: string;
  /** Slots that its rows were for; the last is where it ended. */
  readonly slot: number;
}

/** What `describe` gave, as it is read back: the entry's checksum was right. */
export function keptVersions(kept: unknown): KeptVersions {
  return typeof kept === "object" && kept !== null ? kept : {};
}

export function hiddenIn(
  kept: unknown,
  name: string,
):
  | { readonly slot: number; readonly version: number; readonly config: DetectorConfig }
  | undefined {
  const { learning } = keptVersions(kept);
  if (learning === undefined) return undefined;
  const { slot, version, spec } = learning;
  return { slot, version, config: normalizeSpec(spec, `the journal: detectors.${name}`) };
}
