/**
 * Positions of names in code-point order, as River's (Python's) `sorted` puts them: "f10" < "f2", "B" < "_u" < "a".
 * JavaScript's own order is by UTF-16 unit, which puts U+1F600 (a surrogate pair) before U+FF5E.
 *
 * @returns order[position by name] = index in `names`.
 */
export function featureOrder(names: readonly string[]): number[] {
  return names
    .map((_, index) => index)
    .toSorted((a, b) => compareCodePoints(names[a] ?? "", names[b] ?? "") || a - b);
}

/** Negative, 0 or positive, as in a comparator. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    // The first different units decide: both are whole code points, or the same halves of two pairs, or a surrogate
    // (always a code point above U+FFFF) beside a unit of the basic plane.
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Lifts surrogates above the rest of the basic plane. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}
