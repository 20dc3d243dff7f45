import type { Verdicts } from "../domain/verdict.ts";
import type { Answered } from "../shard/journal.ts";
import type { Placement, Placements } from "./placements.ts";

/** What clients got for these rows of a request, of those that are in the journal. */
export function answersTo(
  placements: Placements,
  verdicts: Verdicts,
  rows: readonly number[],
): Answered[] {
  const wanted = new Set(rows);
  return placements.all.flatMap((each) =>
    answersIn(placements, each, verdicts, (row) => wanted.has(row)),
  );
}

/** What clients got for rows of a placement that is in the journal. `isOne` says of which. */
export function answersIn(
  placements: Placements,
  placement: Placement,
  verdicts: Verdicts,
  isOne: (row: number) => boolean = () => true,
): Answered[] {
  const { position } = placement;
  const { scores, thresholds, sources, states, anomalies, rules } = verdicts;
  const { rawScores, modelVersions, replayed } = verdicts;
  const answers: Answered[] = [];
  if (position === 0) return answers;
  for (const { row, entryRow } of placements.rowsOf(placement)) {
    if (!isOne(row)) continue;
    answers.push({
      position,
      row: entryRow,
      score: scores[row] ?? Number.NaN,
      threshold: thresholds[row] ?? 1,
      source: sources[row] ?? 0,
      state: states[row] ?? 0,
      anomaly: anomalies[row] ?? 0,
      rule: rules[row] ?? -1,
      rawScore: rawScores[row] ?? 0,
      modelVersion: modelVersions[row] ?? 0,
      replayed: replayed[row] ?? 0,
    });
  }
  return answers;
}
