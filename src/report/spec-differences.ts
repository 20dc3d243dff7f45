/** A field of a specification in which two differ; "" = it is not there. */
export interface SpecDifference {
  /** `window.rows`, `rules[0].when`. */
  readonly path: string;
  readonly live: string;
  readonly other: string;
}

/** Fields of two specifications in JSON that differ, in the order of the first. */
export function specDifferences(live: unknown, other: unknown): readonly SpecDifference[] {
  const [first, second] = [leavesOf(live), leavesOf(other)];
  const paths = new Set([...first.keys(), ...second.keys()]);
  return [...paths]
    .map((path) => ({ path, live: first.get(path) ?? "", other: second.get(path) ?? "" }))
    .filter((each) => each.live !== each.other);
}

function leavesOf(
  value: unknown,
  path = "",
  into = new Map<string, string>(),
): ReadonlyMap<string, string> {
  if (typeof value !== "object" || value === null) {
    if (value !== undefined) into.set(path, JSON.stringify(value));
    return into;
  }
  const isList = Array.isArray(value);
  for (const [name, content] of Object.entries(value)) {
    const below = isList ? `${path}[${name}]` : path === "" ? name : `${path}.${name}`;
    leavesOf(content, below, into);
  }
  return into;
}
