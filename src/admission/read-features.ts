import { Timeliness } from "../domain/verdict.ts";
import type { Verdicts } from "../domain/verdict.ts";
import type { Region } from "../shard/region.ts";
import type { DetectorRuntime } from "./runtime.ts";

/** Bytes of a row's bits in `Verdicts.defaultedFeatures`. */
const defaultedFeaturesBytes = (features: number): number => (features + 7) >>> 3;

/**
 * Takes a row's features out of the region, where the step left them in the kernel's order, into the verdicts, in the order of the
 * specification; with them the bits of those that took their default. A duplicate and a row that was refused for its time have none.
 */
export function readFeatures(
  region: Region,
  at: number,
  runtime: DetectorRuntime,
  verdicts: Verdicts,
): void {
  const { program } = runtime.detector;
  if (program === undefined || region.replayed(at) === 1) return;
  if (region.timeliness(at) >= Timeliness.LATE_REFUSED) return;
  const { order } = program;
  const row = region.requestRow(at);
  const first = runtime.sources.length;
  const features = order.length;
  if (verdicts.features !== undefined) {
    for (let k = 0; k < features; k++) {
      verdicts.features[row * features + (order[k] ?? 0)] = region.valueAfter(at, first + k);
    }
  }
  const low = region.bitsAfter(at, first + features, 0);
  const high = region.bitsAfter(at, first + features, 1);
  if ((low | high) === 0) return;
  const bytes = defaultedFeaturesBytes(features);
  const bits = (verdicts.defaultedFeatures ??= new Uint8Array(verdicts.rows * bytes));
  for (let k = 0; k < features; k++) {
    if ((((k < 32 ? low : high) >>> (k & 31)) & 1) === 0) continue;
    const feature = order[k] ?? 0;
    const byte = row * bytes + (feature >>> 3);
    bits[byte] = (bits[byte] ?? 0) | (1 << (feature & 7));
  }
}

/** Whether the feature at this position of the kernel's took its default. */
export function isDefaulted(
  region: Region,
  at: number,
  { sources, derived }: DetectorRuntime,
  position: number,
): boolean {
  const bits = region.bitsAfter(at, sources.length + derived - 1, position < 32 ? 0 : 1);
  return ((bits >>> (position & 31)) & 1) === 1;
}
