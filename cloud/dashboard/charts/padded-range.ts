/**
 * paddedRange: the ends of an axis that holds all values (at least 0) with a margin, so that a budget is always in the picture;
 * rounded outwards to two digits.
 */
export function paddedRange(values: readonly number[]): { min: number; max: number } | Record<string, never> {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (!(high > 0)) return {};
  const margin = Math.max(0.1 * (high - low), 0.05 * high);
  const unit = 10 ** (Math.floor(Math.log10(high)) - 1);
  const round = (value: number, way: (value: number) => number) => Number((way(value / unit) * unit).toPrecision(6));
  return { min: Math.max(0, round(low - margin, Math.floor)), max: round(high + margin, Math.ceil) };
}
