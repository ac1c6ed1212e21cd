/**
 * Non-dominated sorting (Deb et al. 2002, §III-A) by a sweep: points in lexicographic order, each put into its front at once (fronts.ts).
 * O(N log N) for two objectives; for three and four a front's minima (minima.ts) are far fewer than its members.
 *
 * Constraint domination needs no comparison of points: the infeasible come after all feasible, in the order of their violations.
 */
import { openFronts } from './fronts.js';
import { sortLexicographically } from './order.js';
import { gather, type Points, rowsWhere } from './points.js';

/** Front of each point, [count], from 0; `violations` [count] are those of dominance.ts, by default all 0. */
export function frontRanks(points: Points, violations = new Float64Array(points.count)): Uint32Array {
  const ranks = new Uint32Array(points.count);
  const feasible = rowsWhere(points.count, (row) => violations[row] === 0);
  const frontCount = rankFeasible(points, feasible, ranks);
  if (feasible.length < points.count) rankInfeasible(violations, frontCount, ranks);
  return ranks;
}

/** The row numbers of each front, ascending. */
export function frontsOf(ranks: Uint32Array): Uint32Array[] {
  const sizes: number[] = [];
  for (const rank of ranks) sizes[rank] = (sizes[rank] ?? 0) + 1;
  const fronts = sizes.map((size) => new Uint32Array(size));
  const filled = new Uint32Array(fronts.length);
  for (let row = 0; row < ranks.length; row++) {
    const rank = ranks[row]!;
    fronts[rank]![filled[rank]!++] = row;
  }
  return fronts;
}

/** Returns the number of fronts. */
function rankFeasible(points: Points, rows: Uint32Array, ranks: Uint32Array): number {
  sortLexicographically(rows, points);
  const sorted = gather(points, rows);
  const fronts = openFronts(sorted);
  let rank = 0;
  for (let place = 0; place < rows.length; place++) {
    if (place === 0 || !areEqual(sorted, place - 1, place)) rank = fronts.place(place);
    ranks[rows[place]!] = rank;
  }
  return fronts.count;
}

function rankInfeasible(violations: Float64Array, firstRank: number, ranks: Uint32Array): void {
  const rows = rowsWhere(violations.length, (row) => violations[row]! > 0);
  rows.sort((a, b) => violations[a]! - violations[b]!);
  let rank = firstRank;
  for (let place = 0; place < rows.length; place++) {
    if (place > 0 && violations[rows[place]!]! > violations[rows[place - 1]!]!) rank++;
    ranks[rows[place]!] = rank;
  }
}

function areEqual({ values, objectiveCount }: Points, a: number, b: number): boolean {
  for (let column = 0; column < objectiveCount; column++) {
    if (values[a * objectiveCount + column] !== values[b * objectiveCount + column]) return false;
  }
  return true;
}
