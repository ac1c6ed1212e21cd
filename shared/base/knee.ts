/**
 * Knees: where a front bulges, so that a little gained in one objective costs much of another. A person who has to choose from a
 * long front starts there.
 *
 * With each objective scaled to 0..1 over the front, a point's depth is how far it lies below the plane on which the objectives add up
 * to 1, the line between the two ends where there are two (Das 1999). A knee is the deepest point of its neighbourhood (after KnEA, Zhang
 * et al. 2015, which goes on to take what is deepest outside it: points on the slopes of the same knee).
 */
/** Half the side of a neighbourhood, as a share of the front's range in each objective. */
const defaultRadius = 0.2;

/** Rows of the knees of a front (a row of objectives for each of its points, all minimised), the deepest first. Where no point lies below the plane it is the one that comes nearest, alone. */
export function kneePoints(front: readonly (readonly number[])[], radius = defaultRadius): number[] {
  const scaled = scaledRows(front);
  const depths = scaled.map((row) => 1 - row.reduce((sum, value) => sum + value, 0));
  const byDepth = depths.map((_, row) => row).sort((a, b) => depths[b]! - depths[a]!);
  return byDepth.filter((row, place) => {
    const deeper = byDepth.slice(0, place);
    return place === 0 || (depths[row]! > 0 && deeper.every((other) => areApart(scaled[other]!, scaled[row]!, radius)));
  });
}

/** Each objective scaled to 0 (the front's best) .. 1 (its worst); 0 where all are equal. */
function scaledRows(rows: readonly (readonly number[])[]): number[][] {
  const columns = (rows[0] ?? []).map((_, column) => rows.map((row) => row[column]!));
  const lows = columns.map((column) => Math.min(...column));
  const ranges = columns.map((column, index) => Math.max(...column) - lows[index]!);
  return rows.map((row) => row.map((value, column) => (value - lows[column]!) / (ranges[column]! || 1)));
}

function areApart(a: readonly number[], b: readonly number[], radius: number): boolean {
  return a.some((value, index) => Math.abs(value - b[index]!) > radius);
}
