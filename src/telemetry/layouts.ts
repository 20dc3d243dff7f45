import { BucketLayout } from "./histogram.ts";

/**
 * Latencies, seconds: 1 us to 64 s. From 50 us to 1 s six round bounds a decade, so that Prometheus' interpolation is off by
 * at most a half; 20 and 25 ms (the default budget, and what is late), 10 and 50 ms (the micro-batcher's norm) are bounds, for
 * exact shares.
 */
export const durations = new BucketLayout({
  minExponent: -20,
  maxExponent: 6,
  explicitBounds: [
    5e-5, 7.5e-5, 1e-4, 1.5e-4, 2e-4, 3e-4, 5e-4, 7.5e-4, 0.001, 0.0015, 0.002, 0.003, 0.005,
    0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5,
    10, 30, 60,
  ],
});

/** From event time to verdict, seconds: 1 ms to 12 days; an event from the future counts as the lowest. */
export const ages = new BucketLayout({
  minExponent: -10,
  maxExponent: 20,
  explicitBounds: [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800,
    3600, 21_600, 86_400, 604_800,
  ],
});

/** Trainings, seconds: 0.1 ms (ecod on a small window) to an hour. */
export const trainings = new BucketLayout({
  minExponent: -14,
  maxExponent: 12,
  explicitBounds: [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800,
    3600,
  ],
});

/** Rows in a batch: 1 to a full region. */
export const batchRows = new BucketLayout({
  minExponent: -1,
  maxExponent: 13,
  explicitBounds: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256, 512, 1024, 2048, 4096, 8192],
});
