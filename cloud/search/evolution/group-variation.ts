/**
 * Variation of integer genes in groups. Genes that mean something only together, e.g. an op and the state that it reads, form a group:
 * a child takes each group whole from one of its parents and from the same place, and a mutation draws a group anew.
 *
 *   groups     [9 2] [9 2] [9 3]            values per gene
 *   parents     4 0   1 1   7 2
 *               3 1   0 0   8 1
 *   crossover   4 0   0 0   8 1             each group from either parent
 *   mutation    4 0   5 1   8 1             one group, on average
 */
import type { RandomStream } from '@bespoke/shared/base/random.js';
import type { Child, Operator, Variation } from './variation.js';

/** How many values each gene of the group has; a gene is an integer from 0 to one less. */
export type GeneGroup = readonly number[];

/** The genes of all groups in a row. */
export type Genes = readonly number[];

export interface GroupVariationSettings {
  /** Probability that a child is made of both parents; else it starts as a copy of the first. */
  readonly crossoverProbability: number;
  /** Groups that mutate, on average. */
  readonly mutatedGroupCount: number;
}

/** pymoo's and NSGA-Net's crossover probability; 1/n per group as in Deb et al. 2002. */
export const groupVariationDefaults: GroupVariationSettings = { crossoverProbability: 0.9, mutatedGroupCount: 1 };

export function groupVariation(
  groups: readonly GeneGroup[],
  { crossoverProbability, mutatedGroupCount }: GroupVariationSettings = groupVariationDefaults,
): Variation<Genes> {
  const places = placesOf(groups);
  const mutationProbability = mutatedGroupCount / groups.length;
  return {
    sample: (stream) => groups.flatMap((group) => group.map((valueCount) => stream.integer(valueCount))),
    breed(first, second, stream): Child<Genes> {
      const genes = [...first];
      const operators: Operator[] = [];
      if (stream.uniform() < crossoverProbability) {
        for (const place of places) if (stream.uniform() < 0.5) copyGroup(second, genes, place);
        operators.push('crossover');
      }
      const mutated = places.filter(() => stream.uniform() < mutationProbability);
      for (const place of mutated) redraw(genes, place, stream);
      if (mutated.length > 0) operators.push('mutation');
      return { genotype: genes, operators };
    },
  };
}

interface Place {
  readonly group: GeneGroup;
  /** Index of the group's first gene. */
  readonly start: number;
}

/** Where each group stands. */
function placesOf(groups: readonly GeneGroup[]): Place[] {
  let start = 0;
  return groups.map((group) => {
    const place = { group, start };
    start += group.length;
    return place;
  });
}

function copyGroup(from: Genes, to: number[], { group, start }: Place): void {
  for (let gene = start; gene < start + group.length; gene++) to[gene] = from[gene]!;
}

/** Draws one of the group's other values, all equally probable. A value is a number whose digits are the genes. */
function redraw(genes: number[], { group, start }: Place, stream: RandomStream): void {
  const current = group.reduce((value, valueCount, digit) => value * valueCount + genes[start + digit]!, 0);
  const otherCount = group.reduce((product, valueCount) => product * valueCount, 1) - 1;
  const drawn = stream.integer(otherCount);
  let rest = drawn < current ? drawn : drawn + 1;
  for (let digit = group.length - 1; digit >= 0; digit--) {
    genes[start + digit] = rest % group[digit]!;
    rest = Math.floor(rest / group[digit]!);
  }
}
