/** Runs a test problem through NSGA-II, generation by generation, with a population of 100. */
import { openNsga2 } from '@bespoke/cloud/search/evolution/nsga2.js';
import { realVariation } from '@bespoke/cloud/search/evolution/real-variation.js';
import type { Problem } from './problems.js';

export const populationSize = 100;

/** Objectives of the last population; the first generation counts as one, as pymoo counts. */
export function evolve(
  { bounds, objectiveCount, evaluate }: Problem,
  generationCount: number,
  seed: number,
): (readonly number[])[] {
  const variation = realVariation(bounds);
  const optimizer = openNsga2('generational', { seed, populationSize, objectiveCount, variation, keyOf });
  for (let count = 0; count < generationCount * populationSize; count++) {
    const { genotype } = optimizer.ask()!;
    optimizer.tell({ genotype, objectives: evaluate(genotype), violation: 0 });
  }
  return optimizer.population.members.map(({ objectives }) => objectives);
}

/** A weighted sum of the genes: different for different genotypes but for a chance of about 2^-52. */
function keyOf(genotype: readonly number[]): number {
  let sum = 0;
  for (let gene = 0; gene < genotype.length; gene++) sum += genotype[gene]! * Math.sqrt(gene + 2);
  return sum;
}
