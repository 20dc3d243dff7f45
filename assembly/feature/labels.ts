/*
 * Numbers of categories: 1, 2, ... in the order in which they came, at most 100; later ones are 0. None is forgotten.
 *
 *   ┌ size u32 │ pad │ categories f64 ┐
 */

const LABELS_MAX: u32 = 100;
const HEADER: u32 = 16;

export const LABELS_BYTES: u32 = HEADER + (LABELS_MAX << 3);

export function labelsClear(at: u32): void {
  memory.fill(at, 0, HEADER);
}

function indexOf(at: u32, category: f64): u32 {
  const size = load<u32>(at);
  let index: u32 = 0;
  while (index < size && load<f64>(at + HEADER + (index << 3)) != category) index++;
  return index;
}

export function labelsAdd(at: u32, category: f64): void {
  const size = load<u32>(at);
  if (size == LABELS_MAX || indexOf(at, category) < size) return;
  store<f64>(at + HEADER + (size << 3), category);
  store<u32>(at, size + 1);
}

/** The number of a category, or the one that it would get. */
export function labelOf(at: u32, category: f64): f64 {
  const index = indexOf(at, category);
  return index < LABELS_MAX ? ((index + 1) as f64) : 0;
}

/** Another's categories come after those here. */
export function labelsMerge(at: u32, from: u32): void {
  const size = load<u32>(from);
  for (let i: u32 = 0; i < size; i++) labelsAdd(at, load<f64>(from + HEADER + (i << 3)));
}

export function isLabelsSound(at: u32): bool {
  return load<u32>(at) <= LABELS_MAX;
}
