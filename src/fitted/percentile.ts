/**
 * The value below which a share of all values lies, linear between the two nearest ones: numpy.percentile, to the last bit.
 *
 * @param share between 0 and 1
 */
export function percentile(values: Float64Array, share: number): number {
  const sorted = values.toSorted();
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[below + 1] ?? low;
  const part = position - below;
  const step = high - low;
  // From the nearer end, so that equal values stay equal.
  return part < 0.5 ? low + step * part : high - step * (1 - part);
}
