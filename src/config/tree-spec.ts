import type { HalfSpaceTrees } from "../domain/detector.ts";
import { limits } from "./limits.ts";
import { MessageReader } from "./message-reader.ts";
import { didYouMean } from "./problems.ts";

/** What absent and 0 mean: the contract's own numbers. */
const defaults = { trees: 10, height: 8, window: 250, seed: 42n } as const;

const uint64Max = 2n ** 64n - 1n;
const magnitude = { min: -limits.magnitudeMax, max: limits.magnitudeMax };

/** The Half-Space Trees of a DetectorSpec whose model sees these columns; what is wrong with them is noted in the reader's problems. */
export function readTrees(spec: MessageReader, columns: readonly string[]): HalfSpaceTrees {
  const path = [...spec.path, "half_space_trees"];
  const fields = ["trees", "height", "window", "seed", "limits"];
  const reader = new MessageReader(spec.raw("half_space_trees"), path, fields, spec.problems);
  const trees = reader.count("trees", { min: 1, max: limits.treesMax, default: defaults.trees });
  const height = reader.count("height", {
    min: 1,
    max: limits.heightMax,
    default: defaults.height,
  });
  const leaves = trees * 2 ** height;
  if (leaves > limits.leavesMax) {
    spec.wrong(
      "half_space_trees",
      `${trees} trees of height ${height} have ${leaves} leaves, at most ${limits.leavesMax} are taken: lower trees or height`,
    );
  }
  return {
    kind: "half_space_trees",
    trees,
    height,
    window: reader.count("window", { min: 1, max: limits.windowMax, default: defaults.window }),
    seed: reader.bigint("seed", { min: 0n, max: uint64Max }) ?? defaults.seed,
    limits: readLimits(reader, columns),
  };
}

function readLimits(
  trees: MessageReader,
  columns: readonly string[],
): ReadonlyMap<string, readonly [number, number]> {
  const names = new Set(columns);
  const boxes = new Map<string, readonly [number, number]>();
  for (const [name, value] of trees.entries("limits")) {
    const path = [...trees.path, "limits", name.slice(0, limits.inputNameBytesMax)];
    if (!names.has(name)) {
      const hint = didYouMean(name, names);
      trees.problems.add(
        path,
        `is no declared number input or feature that the model sees${hint}`,
        true,
      );
      continue;
    }
    const reader = new MessageReader(value, path, ["low", "high"], trees.problems);
    const low = reader.double("low", magnitude) ?? 0;
    const high = reader.double("high", magnitude) ?? 0;
    if (!(low < high)) trees.problems.add(path, `low (${low}) must be less than high (${high})`);
    boxes.set(name, [low, high]);
  }
  return boxes;
}
