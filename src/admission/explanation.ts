import type { Detector } from "../domain/detector.ts";
import type { Explanation, Reason } from "../domain/verdict.ts";
import type { Region } from "../shard/region.ts";

/**
 * What the step wrote behind an explained row's values: contributions and expected values by feature, then the baseline.
 * @returns undefined when the row has no score to explain
 */
export function readExplanation(
  region: Region,
  row: number,
  detector: Detector,
): Explanation | undefined {
  const { features } = detector;
  const count = features.length;
  if (Number.isNaN(region.score(row)) || region.replayed(row) === 1) return undefined;
  const reasons: Reason[] = features.map((input, i) => ({
    feature: input.name,
    value: region.valueAfter(row, i),
    contribution: region.valueAfter(row, count + i),
    expected: region.valueAfter(row, 2 * count + i),
  }));
  reasons.sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  return { baseline: region.valueAfter(row, 3 * count), reasons };
}
