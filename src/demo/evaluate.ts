/** One scored event beside its label. */
export interface Outcome {
  /** What is wrong with it, as labelled; undefined = nothing. */
  readonly label: string | undefined;
  /** Undefined while the key's model was collecting. */
  readonly score: number | undefined;
  readonly alert: boolean;
  /** Past COLLECTING and BURN_IN: an alert was possible. */
  readonly ready: boolean;
}

/** How alerts and labels agree. */
export interface Evaluation {
  readonly events: number;
  /** Events on which an alert was possible, and how many of them are labelled. */
  readonly ready: number;
  readonly labelled: number;
  readonly alerts: number;
  /** Labelled events that were alerted on. */
  readonly found: number;
  /** found / alerts; NaN without alerts. */
  readonly precision: number;
  /** found / labelled; NaN without labels. */
  readonly recall: number;
  /** Of the scores of all scored events; NaN when only one class was scored. */
  readonly rocAuc: number;
  /** By label. */
  readonly byLabel: ReadonlyMap<string, { readonly labelled: number; readonly found: number }>;
}

export function evaluate(outcomes: readonly Outcome[]): Evaluation {
  const ready = outcomes.filter((outcome) => outcome.ready);
  const byLabel = new Map<string, { labelled: number; found: number }>();
  let alerts = 0;
  for (const { label, alert } of ready) {
    if (alert) alerts++;
    if (label === undefined) continue;
    const counts = byLabel.get(label) ?? { labelled: 0, found: 0 };
    counts.labelled++;
    if (alert) counts.found++;
    byLabel.set(label, counts);
  }
  const sum = (field: "labelled" | "found"): number =>
    [...byLabel.values()].reduce((total, counts) => total + counts[field], 0);
  const labelled = sum("labelled");
  const found = sum("found");
  return {
    events: outcomes.length,
    ready: ready.length,
    labelled,
    alerts,
    found,
    precision: found / alerts,
    recall: found / labelled,
    rocAuc: rocAuc(outcomes),
    byLabel,
  };
}

/**
 * The probability that a labelled event scores higher than another one (ties count half): the rank-sum form of the area under the ROC
 * curve.
 */
export function rocAuc(outcomes: readonly Pick<Outcome, "label" | "score">[]): number {
  const scored = outcomes
    .flatMap(({ label, score }) =>
      score === undefined ? [] : [{ positive: label !== undefined, score }],
    )
    .toSorted((a, b) => a.score - b.score);
  let positives = 0;
  let rankSum = 0;
  for (let from = 0; from < scored.length;) {
    let to = from;
    while (to < scored.length && scored[to]?.score === scored[from]?.score) to++;
    const meanRank = (from + 1 + to) / 2;
    for (let i = from; i < to; i++) {
      if (scored[i]?.positive !== true) continue;
      positives++;
      rankSum += meanRank;
    }
    from = to;
  }
  const negatives = scored.length - positives;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** Value below which `share` of the values lie; NaN for none. Sorts in place. */
export function percentile(values: Float64Array, share: number): number {
  values.sort();
  return values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
}
