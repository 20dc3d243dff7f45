import type { DetectorConfig, Input } from "../domain/detector.ts";
import { featureOrder } from "../shard/feature-order.ts";
import { Control, ModelKind, PARTITIONS, REGIONS, ROWS_MAX, ScalerKind } from "../shard/layout.ts";

const SCALERS = {
  none: ScalerKind.NONE,
  standard: ScalerKind.STANDARD,
  min_max: ScalerKind.MIN_MAX,
} as const;

/** A detector's configuration as the kernel reads it from the control block: f64 by index, see `Control`. */
export function detectorBlock(config: DetectorConfig, features: readonly Input[]): Float64Array {
  const { model, threshold } = config;
  const count = features.length;
  const block = new Float64Array(Control.order + 3 * count);
  block[Control.features] = count;
  block[Control.trees] = model.trees;
  block[Control.height] = model.height;
  block[Control.window] = model.window;
  block[Control.seedLo] = Number(model.seed & 0xffff_ffffn);
  block[Control.seedHi] = Number(model.seed >> 32n);
  block[Control.scaler] = SCALERS[config.scaler];
  block[Control.burnInEvents] = config.burnInEvents;
  block[Control.threshold] = "fixed" in threshold ? threshold.fixed : Number.NaN;
  block[Control.alertShare] = "alertShare" in threshold ? threshold.alertShare : 0;
  block[Control.keysPerPartition] = Math.ceil(config.keysMax / PARTITIONS);
  block[Control.atKeysMax] = config.atKeysMax === "evict" ? 0 : 1;
  block[Control.keyTtlMs] = config.keyTtlMs;
  // Duplicates take a sequence number until they are known as such: what can be in flight is remembered on top.
  block[Control.idsMax] = config.idsMax + REGIONS * ROWS_MAX;
  block[Control.learnSystemActions] = config.learnSystemActions ? 1 : 0;
  block[Control.modelKind] = ModelKind.HALF_SPACE_TREES;
  const order = featureOrder(features.map((input) => input.name));
  features.forEach((input, column) => {
    const [low, high] = model.limits.get(input.name) ?? [0, 1];
    block[Control.order + column] = order[column] ?? column;
    block[Control.order + count + column] = low;
    block[Control.order + 2 * count + column] = high;
  });
  return block;
}
