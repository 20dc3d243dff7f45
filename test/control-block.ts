import { kinds } from "../src/models/kinds.ts";
import { normalizations } from "../src/models/module.ts";
import * as layout from "../src/shard/layout.ts";
import type { DetectorOptions, WindowModelOptions } from "./kernel.ts";

/** The kernel's control block for a detector. */
export function controlBlock(options: DetectorOptions): Float64Array {
  const filled = { ...defaults, ...options };
  const { features } = filled;
  const { Control } = layout;
  const { program } = options;
  const block = new Float64Array(Control.program + (program?.length ?? 0));
  block[Control.hasProgram] = program === undefined ? 0 : 1;
  block.set(program ?? [], Control.program);
  block[Control.features] = features;
  block[Control.trees] = filled.trees;
  block[Control.height] = filled.height;
  block[Control.window] = filled.window;
  block[Control.seedLo] = Number(filled.seed & 0xffff_ffffn);
  block[Control.seedHi] = Number(filled.seed >> 32n);
  block[Control.scaler] = filled.scaler;
  block[Control.burnInEvents] = filled.burnIn;
  block[Control.threshold] = filled.threshold;
  block[Control.alertShare] = filled.alertShare;
  block[Control.keysPerPartition] = filled.keysPerPartition;
  block[Control.atKeysMax] = Number(filled.refuse);
  block[Control.keyTtlMs] = filled.keyTtlMs;
  block[Control.idsMax] = filled.idsMax;
  block[Control.learnSystemActions] = Number(filled.learnSystemActions);
  block[Control.modelKind] = layout.ModelKind.HALF_SPACE_TREES;
  for (let column = 0; column < features; column++) {
    const [low, high] = filled.limits.get(column) ?? [0, 1];
    block[Control.order + column] = filled.order[column] ?? column;
    block[Control.order + features + column] = low;
    block[Control.order + 2 * features + column] = high;
  }
  if (options.windowModel !== undefined) putWindowModel(block, options.windowModel);
  return block;
}

function putWindowModel(block: Float64Array, model: WindowModelOptions): void {
  const { Control } = layout;
  const { rolling = [], lags = [], normalization = "calibrated" } = model;
  block[Control.modelKind] = kinds[model.kind].number;
  block[Control.windowRows] = model.windowRows;
  block[Control.minSamples] = model.minSamples;
  block[Control.retrainInterval] = model.retrainInterval;
  block[Control.normalization] = normalizations.indexOf(normalization);
  block[Control.dropFlagged] = Number(model.dropFlagged ?? false);
  block[Control.rollingCount] = rolling.length;
  block[Control.lagCount] = lags.length;
  block.set(rolling, Control.rolling);
  block.set(lags, Control.lags);
}

const noLimits: ReadonlyMap<number, readonly [number, number]> = new Map();
const columnOrder: readonly number[] = [];

const defaults = {
  trees: 10,
  height: 8,
  window: 250,
  seed: 42n,
  scaler: layout.ScalerKind.STANDARD,
  burnIn: 250,
  threshold: Number.NaN,
  alertShare: 0.01,
  keysPerPartition: 1000,
  refuse: false,
  keyTtlMs: 0,
  idsMax: 1000,
  learnSystemActions: false,
  order: columnOrder,
  limits: noLimits,
};
