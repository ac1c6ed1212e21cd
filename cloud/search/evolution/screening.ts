/**
 * Screening: several children are bred for each that is evaluated, and those that promise most go on. What a child promises is a guess of its objectives
 * (surrogate.ts has one for those that cost something to know); the guess only chooses, it is never told.
 */
import type { Offspring } from './breeder.js';
import type { Evaluated } from './dominance.js';
import type { ObjectiveCount } from './points.js';
import { type Population, survive } from './survival.js';

export interface Screening<G> {
  /** Children bred for each that goes on; 2 or more. */
  readonly poolFactor: number;
  /** What each genotype promises, from what was told so far. */
  predict(genotypes: readonly G[]): readonly Evaluated[];
}

/** The `count` of the pool that would survive best beside the population: by front, within a front the least crowded. */
export function mostPromising<G>(
  population: Population<Evaluated>,
  pool: readonly Offspring<G>[],
  count: number,
  { predict }: Screening<G>,
): Offspring<G>[] {
  const promises = predict(pool.map(({ genotype }) => genotype));
  const candidates = pool.map((offspring, index) => ({ offspring, ...promises[index]! }));
  const members = population.members.map((member) => ({ offspring: null, ...member }));
  const objectiveCount = promises[0]!.objectives.length as ObjectiveCount;
  const all = [...members, ...candidates];
  const { members: sorted, ranks, crowding } = survive(all, all.length, objectiveCount);
  return sorted
    .flatMap(({ offspring }, index) => (offspring === null ? [] : [{ offspring, index }]))
    .sort((a, b) => ranks[a.index]! - ranks[b.index]! || crowding[b.index]! - crowding[a.index]! || 0)
    .slice(0, count)
    .map(({ offspring }) => offspring);
}
