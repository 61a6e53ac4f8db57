/** How far a mean over documents may be from that over all such documents. */

/** s / sqrt(n), s with n - 1; NaN for a single value, which says nothing of it. */
export function sampleStandardError(values: readonly number[]): number {
  return Math.sqrt(sampleVariance(values) / values.length);
}

export function sampleVariance(values: readonly number[]): number {
  const count = values.length;
  if (count < 2) return Number.NaN;
  const center = values.reduce((sum, value) => sum + value, 0) / count;
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (count - 1);
}
