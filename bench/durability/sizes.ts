import type { Scale } from "../options.ts";

/** How much the suite of durability does. */
export interface Sizes {
  /** Distinct keys whose snapshot is timed, and rows each. */
  readonly snapshotKeys: number;
  readonly rowsPerKey: number;
  /** State that is written while p99 is measured. */
  readonly liveBytes: number;
  readonly recoveryKeys: number;
  readonly recoveryRows: number;
  /** Syncs of the loop between two runs. */
  readonly syncs: number;
  /** Keys of the detector whose version is swapped, and how long the run is in whose midst that is. */
  readonly swapKeys: number;
  readonly swapRunMs: number;
}

export const sizes: Readonly<Record<Scale["name"], Sizes>> = {
  full: {
    snapshotKeys: 100_000,
    rowsPerKey: 256,
    liveBytes: 500_000_000,
    recoveryKeys: 100_000,
    recoveryRows: 10_000_000,
    syncs: 200,
    swapKeys: 10_000,
    swapRunMs: 500,
  },
  quick: {
    snapshotKeys: 5000,
    rowsPerKey: 256,
    liveBytes: 30_000_000,
    recoveryKeys: 5000,
    recoveryRows: 500_000,
    syncs: 40,
    swapKeys: 1000,
    swapRunMs: 500,
  },
  tiny: {
    snapshotKeys: 100,
    rowsPerKey: 4,
    liveBytes: 100_000,
    recoveryKeys: 100,
    recoveryRows: 2000,
    syncs: 5,
    swapKeys: 50,
    swapRunMs: 100,
  },
};

/** Snapshots only when they are asked for, and the whole journal is kept. */
export const byRequest: Readonly<Record<string, string>> = {
  WEIR_DURABILITY: "acknowledged",
  WEIR_SNAPSHOT_INTERVAL_SECONDS: "0",
  WEIR_JOURNAL_MAX_MB: "65536",
};

/** Every request waits for the model: what is measured is how long that takes. */
export const patientMs = 60_000;
