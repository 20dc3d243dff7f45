/** Where a value stands: field names, map keys and list indices, outermost first. */
export type Path = readonly (string | number)[];

/** One thing that is wrong with what a user wrote. */
export interface Problem {
  readonly path: Path;
  /** What was found and what is expected; one line, except for rules, which show the expression with a caret. */
  readonly message: string;
  /** The problem is with the name at the end of the path, not with its value. */
  readonly atName: boolean;
}

/** Collects problems up to a bound: what comes after the first few is more of the same. */
export class Problems {
  readonly list: Problem[] = [];
  readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  get any(): boolean {
    return this.list.length > 0;
  }

  add(path: Path, message: string, atName = false): void {
    if (this.list.length < this.max) this.list.push({ path, message, atName });
  }
}

const bareName = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** `spec.inputs[2].default_value`; names that would not be readable bare are quoted: `spec.half_space_trees.limits["a.b"]`. */
export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (bareName.test(step)) text += text === "" ? step : `.${step}`;
    else if (text === "") text = step;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** A value as a user would recognise it, cut to a readable length. */
export function show(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return String(value);
  if (value === undefined) return "nothing";
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > 64 ? `${text.slice(0, 60)}..."` : text;
}

/** The candidate that a writer most likely meant: at most a third of its characters differ. Undefined = none is near. */
export function nearest(written: string, candidates: Iterable<string>): string | undefined {
  const wanted = written.slice(0, 64).toLowerCase();
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const allowed = Math.max(1, Math.floor(candidate.length / 3));
    const distance = editDistance(wanted, candidate.slice(0, 64).toLowerCase());
    if (distance <= allowed && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(written: string, candidates: Iterable<string>): string {
  const name = nearest(written, candidates);
  return name === undefined ? "" : `; did you mean ${JSON.stringify(name)}?`;
}

/** Damerau-Levenshtein (adjacent swaps count once), in characters. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(substituted, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? Infinity) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? Infinity;
}
