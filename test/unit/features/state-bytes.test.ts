import * as fc from "fast-check";
import { expect, it } from "vitest";
import { normalizeSpec } from "../../../src/config/detector-spec.ts";
import { makeDetector } from "../../../src/config/detector.ts";
import { detectorBlock } from "../../../src/control/detector-block.ts";
import { featureStateBytes } from "../../../src/features/state-bytes.ts";
import { Control, CONTROL_BASE } from "../../../src/shard/layout.ts";
import { createMemory } from "../../../src/shard/module.ts";
import { KernelPart } from "../../support/kernel-part.ts";
import { featureSpecs, paymentInputs } from "../../support/feature-specs.ts";

const SOURCE = `
import { isProgramValid, programInControl } from "./feature/program-check";
import { stateBytesMax } from "./feature/plan";

export function most(): f64 { return stateBytesMax(programInControl()) as f64; }
export function isValid(columns: f64, mayShare: bool): bool { return isProgramValid(columns, mayShare); }
`;

const memory = createMemory(24 << 20);
const kernel = await KernelPart.make(SOURCE, memory);

function put(spec: unknown) {
  const detector = makeDetector("d", 0, normalizeSpec(spec));
  const block = detectorBlock(detector);
  new Float64Array(memory.buffer).set(block, CONTROL_BASE >>> 3);
  return { detector, block };
}

it("the bound of a key's memory is the kernel's, and every program is one to the kernel", () => {
  fc.assert(
    fc.property(featureSpecs, (spec) => {
      const { detector, block } = put(spec);
      const mayShare = detector.config.model.kind !== "half_space_trees";
      expect(kernel.call("isValid", block[Control.features] ?? 0, mayShare ? 1 : 0)).toBe(1);
      expect(featureStateBytes(detector.config)).toBe(kernel.call("most"));
    }),
    { numRuns: 300 },
  );
});

it("a key with twelve features over three windows takes at most so many bytes", () => {
  const windows = ["1m", "1h", "30d"];
  const features = windows.flatMap((sliding) => [
    { name: `n_${sliding}`, aggregate: "count", window: { sliding } },
    { name: `sum_${sliding}`, of: "amount", aggregate: "sum", window: { sliding } },
    {
      name: `mean_${sliding}`,
      of: "amount",
      aggregate: "mean",
      window: { sliding },
      default_value: 0,
    },
    { name: `countries_${sliding}`, of: "country", aggregate: "distinct", window: { sliding } },
  ]);
  const bytes = (exact_events: number) =>
    featureStateBytes(
      normalizeSpec({ inputs: paymentInputs, features, event_time: { exact_events } }),
    );
  expect([bytes(64), bytes(1024)]).toEqual([176_704, 199_744]);
  expect(featureStateBytes(normalizeSpec({ inputs: paymentInputs }))).toBe(0);
});
