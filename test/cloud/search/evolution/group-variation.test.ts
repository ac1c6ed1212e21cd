import { type GeneGroup, groupVariation } from '@bespoke/cloud/search/evolution/group-variation.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { describe, expect, it } from 'vitest';

const groups: readonly GeneGroup[] = [[9, 1], [9, 2], [9, 3], [5]];
const zeros = [0, 0, 0, 0, 0, 0, 0];
const ones = [8, 0, 8, 1, 8, 2, 4];

/** The genes of each group. */
const parted = (genes: readonly number[]) => [genes.slice(0, 2), genes.slice(2, 4), genes.slice(4, 6), genes.slice(6)];

describe('groupVariation', () => {
  it('samples every value of every gene', () => {
    const variation = groupVariation(groups);
    const stream = randomStream('sample');
    const drawn = Array.from({ length: 400 }, () => variation.sample(stream));
    const seen = groups.flat().map((_, gene) => new Set(drawn.map((genes) => genes[gene])));
    expect(seen.map(({ size }) => size)).toEqual([9, 1, 9, 2, 9, 3, 5]);
    expect(seen.map((values) => Math.max(...(values as Set<number>)))).toEqual([8, 0, 8, 1, 8, 2, 4]);
  });

  it('takes each group whole, from its place in either parent', () => {
    const variation = groupVariation(groups, { crossoverProbability: 1, mutatedGroupCount: 0 });
    const stream = randomStream('cross');
    const children = new Set<string>();
    for (let round = 0; round < 400; round++) {
      const { genotype, operators } = variation.breed(zeros, ones, stream);
      expect(operators).toEqual(['crossover']);
      parted(genotype).forEach((genes, group) => {
        expect([parted(zeros)[group], parted(ones)[group]]).toContainEqual(genes);
      });
      children.add(genotype.join());
    }
    expect(children.size).toBe(2 ** groups.length);
  });

  it('leaves parents as they are and copies the first where it neither crosses nor mutates', () => {
    const variation = groupVariation(groups, { crossoverProbability: 0, mutatedGroupCount: 0 });
    const { genotype, operators } = variation.breed(ones, zeros, randomStream(1));
    expect(genotype).toEqual([8, 0, 8, 1, 8, 2, 4]);
    expect(genotype).not.toBe(ones);
    expect(operators).toEqual([]);
  });

  it('draws a mutated group anew, every other value with the same probability', () => {
    const variation = groupVariation([[2, 3]], { crossoverProbability: 0, mutatedGroupCount: 1 });
    const stream = randomStream('mutate');
    const counts = new Map<string, number>();
    for (let round = 0; round < 5000; round++) {
      const { genotype, operators } = variation.breed([1, 0], [0, 0], stream);
      expect(operators).toEqual(['mutation']);
      counts.set(genotype.join(), (counts.get(genotype.join()) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['0,0', '0,1', '0,2', '1,1', '1,2']);
    for (const count of counts.values()) expect(count / 5000).toBeCloseTo(0.2, 1);
  });

  it('mutates so many groups on average', () => {
    const variation = groupVariation(groups, { crossoverProbability: 0, mutatedGroupCount: 2 });
    const stream = randomStream('average');
    let changed = 0;
    for (let round = 0; round < 2000; round++) {
      const { genotype } = variation.breed(zeros, ones, stream);
      changed += parted(genotype).filter((genes) => genes.some((gene) => gene !== 0)).length;
    }
    expect(changed / 2000).toBeCloseTo(2, 1);
  });
});
