import type { Explanation, Reason } from "../domain/verdict.ts";
import type { Region } from "../shard/region.ts";
import { featureWords } from "./feature-words.ts";
import { isDefaulted } from "./read-features.ts";
import type { DetectorRuntime } from "./runtime.ts";

/**
 * What the step wrote behind an explained row's values: contributions and expected values by column of the model, then the baseline.
 * @returns undefined when the row has no score to explain
 */
export function readExplanation(
  region: Region,
  row: number,
  runtime: DetectorRuntime,
): Explanation | undefined {
  const { columns, derived, modelFirst, sources, detector } = runtime;
  if (Number.isNaN(region.score(row)) || region.replayed(row) === 1) return undefined;
  const first = sources.length + derived;
  const reasons: Reason[] = Array.from({ length: columns }, (_, i) => {
    const value = region.valueAfter(row, modelFirst + i);
    const contribution = region.valueAfter(row, first + i);
    const expected = region.valueAfter(row, first + columns + i);
    const input = detector.features[i];
    return input === undefined
      ? derivedReason(runtime, i, { value, contribution, expected }, (position) =>
          isDefaulted(region, row, runtime, position),
        )
      : { feature: input.name, value, contribution, expected };
  });
  reasons.sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  return { baseline: region.valueAfter(row, first + 2 * columns), reasons };
}

function derivedReason(
  { detector }: DetectorRuntime,
  column: number,
  numbers: Pick<Reason, "value" | "contribution" | "expected">,
  defaulted: (position: number) => boolean,
): Reason {
  const position = column - detector.features.length;
  const { features } = detector.config;
  const order = detector.program?.order ?? [];
  const feature = features[order[position] ?? -1];
  if (feature === undefined) return { feature: "", ...numbers };
  const text = featureWords(feature, numbers.value, {
    defaulted: defaulted(position),
    features,
    tookDefault: (name) =>
      defaulted(order.indexOf(features.findIndex((each) => each.name === name))),
  });
  return { feature: feature.name, ...numbers, text };
}
