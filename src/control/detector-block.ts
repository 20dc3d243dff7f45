import { isWindowModel } from "../domain/detector.ts";
import type { Detector, HalfSpaceTrees, WindowModel } from "../domain/detector.ts";
import { kinds } from "../models/kinds.ts";
import { normalizations } from "../models/module.ts";
import { featureOrder } from "../shard/feature-order.ts";
import { Control, ModelKind, PARTITIONS, REGIONS, ROWS_MAX, ScalerKind } from "../shard/layout.ts";

/** Of Half-Space Trees; a window model scales its rows itself ("robust" is only there). */
const SCALERS = {
  none: ScalerKind.NONE,
  standard: ScalerKind.STANDARD,
  min_max: ScalerKind.MIN_MAX,
  robust: ScalerKind.NONE,
} as const;

/** A detector's configuration as the kernel reads it from the control block: f64 by index, see `Control`. */
export function detectorBlock({
  config,
  features,
  program,
}: Pick<Detector, "config" | "features" | "program">): Float64Array {
  const { model, threshold } = config;
  const columns = program?.columns ?? features.map((input) => input.name);
  const count = columns.length;
  // As far as `hasProgram` always: the kernel's copy may have one of another detector.
  const block = new Float64Array(Control.program + (program?.block.length ?? 0));
  block[Control.features] = count;
  block[Control.seedLo] = Number(model.seed & 0xffff_ffffn);
  block[Control.seedHi] = Number(model.seed >> 32n);
  block[Control.burnInEvents] = config.burnInEvents;
  block[Control.threshold] = "fixed" in threshold ? threshold.fixed : Number.NaN;
  block[Control.alertShare] = "alertShare" in threshold ? threshold.alertShare : 0;
  block[Control.keysPerPartition] = Math.ceil(config.keysMax / PARTITIONS);
  block[Control.atKeysMax] = config.atKeysMax === "evict" ? 0 : 1;
  block[Control.keyTtlMs] = config.keyTtlMs;
  // Duplicates take a sequence number until they are known as such: what can be in flight is remembered on top.
  block[Control.idsMax] = config.idsMax + REGIONS * ROWS_MAX;
  block[Control.learnSystemActions] = config.learnSystemActions ? 1 : 0;
  const order = featureOrder(columns);
  columns.forEach((_, column) => (block[Control.order + column] = order[column] ?? column));
  if (isWindowModel(model)) putWindowModel(block, model);
  else putTrees(block, model, columns, SCALERS[config.scaler]);
  if (program !== undefined) {
    block[Control.hasProgram] = 1;
    block.set(program.block, Control.program);
  }
  return block;
}

function putTrees(
  block: Float64Array,
  model: HalfSpaceTrees,
  columns: readonly string[],
  scaler: number,
): void {
  block[Control.modelKind] = ModelKind.HALF_SPACE_TREES;
  block[Control.trees] = model.trees;
  block[Control.height] = model.height;
  block[Control.window] = model.window;
  block[Control.scaler] = scaler;
  const count = columns.length;
  columns.forEach((name, column) => {
    const [low, high] = model.limits.get(name) ?? [0, 1];
    block[Control.order + count + column] = low;
    block[Control.order + 2 * count + column] = high;
  });
}

function putWindowModel(block: Float64Array, model: WindowModel): void {
  block[Control.modelKind] = kinds[model.kind].number;
  block[Control.windowRows] = model.windowRows;
  block[Control.minSamples] = model.minSamples;
  block[Control.retrainInterval] = model.retrainInterval;
  block[Control.normalization] = normalizations.indexOf(model.normalization);
  block[Control.dropFlagged] = model.flaggedRows === "drop" ? 1 : 0;
  block[Control.rollingCount] = model.rollingWindows.length;
  block[Control.lagCount] = model.lagPeriods.length;
  block.set(model.rollingWindows, Control.rolling);
  block.set(model.lagPeriods, Control.lags);
  // The clients' keys have no cells of their own: there is one, and it never expires.
  if (model.scope === "detector") block[Control.keyTtlMs] = 0;
}
