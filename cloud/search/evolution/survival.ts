/** Survival (Deb et al. 2002, §III-C): the best of a pool, whole fronts first, of the last one the least crowded. */
import { crowdingDistances, leastCrowded } from './crowding.js';
import type { Evaluated } from './dominance.js';
import { type ObjectiveCount, pointsOf } from './points.js';
import { frontRanks, frontsOf } from './sort.js';

/** Individuals, front by front; what belongs to one has the same index. */
export interface Population<T> {
  readonly members: readonly T[];
  /** Front of each member, from 0. */
  readonly ranks: readonly number[];
  /** Crowding distance within the front, among the members. */
  readonly crowding: readonly number[];
}

export const emptyPopulation: Population<never> = { members: [], ranks: [], crowding: [] };

/** At most `size` of the pool; within a front the pool's order stays. */
export function survive<T extends Evaluated>(
  pool: readonly T[],
  size: number,
  objectiveCount: ObjectiveCount,
): Population<T> {
  const points = pointsOf(
    pool.map(({ objectives }) => objectives),
    objectiveCount,
  );
  const violations = Float64Array.from(pool, ({ violation }) => violation);
  const [members, ranks, crowding]: [T[], number[], number[]] = [[], [], []];
  for (const [rank, front] of frontsOf(frontRanks(points, violations)).entries()) {
    const room = size - members.length;
    if (room === 0) break;
    const survivors = front.length <= room ? front : leastCrowded(points, front, room);
    const distances = crowdingDistances(points, survivors);
    for (let index = 0; index < survivors.length; index++) {
      members.push(pool[survivors[index]!]!);
      ranks.push(rank);
      crowding.push(distances[index]!);
    }
  }
  return { members, ranks, crowding };
}
