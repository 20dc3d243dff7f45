import { RE2JS } from "@bufbuild/re2";

/**
 * Compiled patterns by their text: compiling takes up to a millisecond, testing microseconds. 64 detectors of 64 rules fit; beyond
 * it all are compiled again.
 */
const patternsMax = 4096;
const compiled = new Map<string, RE2JS>();

/** For CEL's matches(): RE2, which takes linear time whatever the pattern. Throws when it is no pattern. */
export const patterns = {
  compile(pattern: string): RE2JS {
    const known = compiled.get(pattern);
    if (known !== undefined) return known;
    if (compiled.size >= patternsMax) compiled.clear();
    const made = RE2JS.compile(pattern);
    compiled.set(pattern, made);
    return made;
  },
};

/** What is wrong with a pattern; undefined = nothing. */
export function patternProblem(pattern: string): string | undefined {
  try {
    patterns.compile(pattern);
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : "is no pattern";
  }
}

/**
 * Places in a pattern with its repetitions written out, at most: what one step through a text can cost. `a{3}(bc){10}` has 23.
 */
export function patternPlaces(pattern: string): number {
  const groups: number[] = [0];
  let last = 0;
  const add = (places: number) => {
    last = places;
    groups.push((groups.pop() ?? 0) + places);
  };
  for (const [token] of pattern.matchAll(/\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|[^]/gu)) {
    if (token === "(") groups.push(0);
    else if (token === ")" && groups.length > 1) add(groups.pop() ?? 0);
    else if (/^\{\d/.test(token)) add(last * (repetitions(token) - 1));
    else add(1);
  }
  return groups.reduce((sum, places) => sum + places, 0);
}

function repetitions(token: string): number {
  return Math.max(1, ...(token.match(/\d+/g) ?? []).map(Number));
}
