/**
 * Dominance: who is better than whom, whatever one prefers. Objectives are minimised. A violation is the sum of what all
 * constraints are broken by, each in a unit of its own choice: 0 is feasible.
 */
export interface Evaluated {
  readonly objectives: readonly number[];
  /** At least 0. */
  readonly violation: number;
}

/**
 * Constraint domination (Deb et al. 2002, §VI): the feasible dominate the infeasible, of two infeasible the one with the
 * smaller violation dominates, and of two feasible the one that is no worse in every objective and better in one.
 */
export function dominates(a: Evaluated, b: Evaluated): boolean {
  if (a.violation > 0 || b.violation > 0) return a.violation < b.violation;
  let isBetter = false;
  for (let index = 0; index < a.objectives.length; index++) {
    if (a.objectives[index]! > b.objectives[index]!) return false;
    if (a.objectives[index]! < b.objectives[index]!) isBetter = true;
  }
  return isBetter;
}
