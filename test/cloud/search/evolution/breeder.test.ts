import { Breeder } from '@bespoke/cloud/search/evolution/breeder.js';
import { groupVariation } from '@bespoke/cloud/search/evolution/group-variation.js';
import { survive } from '@bespoke/cloud/search/evolution/survival.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { describe, expect, it } from 'vitest';
import { refusal } from '../../../shared/refusal.js';

const settings = { variation: groupVariation([[3], [4]]), keyOf: (genes: readonly number[]) => genes.join('') };

const populationOf = (...genotypes: number[][]) =>
  survive(
    genotypes.map((genotype, index) => ({
      genotype,
      key: settings.keyOf(genotype),
      objectives: [index, -index],
      violation: 0,
    })),
    genotypes.length,
    2,
  );

describe('Breeder', () => {
  it('samples each genotype once, as many as there are', () => {
    const breeder = new Breeder(settings);
    const stream = randomStream(1);
    const found = [...breeder.sample(5, stream), ...breeder.sample(100, stream)];
    expect(found.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(new Set(found.map(({ key }) => key)).size).toBe(12);
    expect(breeder.knownCount).toBe(12);
    expect(refusal(() => breeder.sample(1, stream))).toBe(
      'EVOLUTION_EXHAUSTED: expected a genotype that is new and admitted, but in 10000 draws there was none beside the 12 known; the space is searched through: stop here, enlarge it or admit more',
    );
  });

  it('breeds what is new, and says of whom and how', () => {
    const breeder = new Breeder(settings);
    for (const key of ['00', '11', '23']) breeder.learn(key);
    const children = breeder.breed(populationOf([0, 0], [1, 1], [2, 3]), 6, randomStream(2));
    expect(new Set(children.map(({ key }) => key)).size).toBe(6);
    for (const { key, parents, operators } of children) {
      expect(['00', '11', '23']).not.toContain(key);
      expect(parents).toHaveLength(2);
      expect(parents.every((parent) => ['00', '11', '23'].includes(String(parent)))).toBe(true);
      expect(operators.length).toBeGreaterThan(0);
    }
  });

  it('never gives what is not admitted', () => {
    const breeder = new Breeder({ ...settings, admits: ([first]: readonly number[]) => first !== 1 });
    expect(
      breeder
        .sample(100, randomStream(3))
        .map(({ key }) => key)
        .toSorted(),
    ).toEqual(['00', '01', '02', '03', '20', '21', '22', '23']);
  });
});
