import { Breeder } from '@bespoke/cloud/search/evolution/breeder.js';
import { mostPromising } from '@bespoke/cloud/search/evolution/screening.js';
import { survive } from '@bespoke/cloud/search/evolution/survival.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { describe, expect, it } from 'vitest';

const offspring = (genotype: number, index = genotype) => ({
  index,
  genotype,
  key: genotype,
  parents: [],
  operators: [],
});
const individual = (genotype: number, objectives: number[]) => ({ genotype, key: genotype, objectives, violation: 0 });
const population = survive([individual(100, [0, 1]), individual(101, [1, 0])], 2, 2);

describe('mostPromising', () => {
  it('prefers the better front, then the emptier place', () => {
    const promises: { [genotype: number]: readonly number[] } = {
      0: [0.9, 0.9], // dominated by 1
      1: [0.5, 0.5], // the middle of the front
      2: [0.1, 0.95], // crowded by a member
      3: [2, 2],
    };
    const screening = {
      poolFactor: 2,
      predict: (pool: readonly number[]) => pool.map((genotype) => ({ objectives: promises[genotype]!, violation: 0 })),
    };
    const pool = [0, 1, 2, 3].map((genotype) => offspring(genotype));
    expect(mostPromising(population, pool, 3, screening).map(({ genotype }) => genotype)).toEqual([1, 2, 0]);
  });

  it('puts what would miss a limit last', () => {
    const screening = {
      poolFactor: 2,
      predict: () => [
        { objectives: [0, 0], violation: 0.1 },
        { objectives: [3, 3], violation: 0 },
      ],
    };
    const [best] = mostPromising(population, [offspring(0), offspring(1)], 1, screening);
    expect(best!.genotype).toBe(1);
  });
});

describe('Breeder with screening', () => {
  it('numbers those that go on, and may breed the others again', () => {
    let next = 0;
    const breeder = new Breeder<number>({
      variation: { sample: () => 0, breed: () => ({ genotype: next++ % 6, operators: ['mutation'] }) },
      keyOf: (genotype) => genotype,
      screening: {
        poolFactor: 3,
        predict: (pool) => pool.map((genotype) => ({ objectives: [-genotype, -genotype], violation: 0 })),
      },
    });
    const stream = randomStream(0, 'breeder');
    const first = breeder.breed(population, 2, stream);
    expect(first.map(({ genotype, index }) => [genotype, index])).toEqual([
      [5, 0],
      [4, 1],
    ]);
    const second = breeder.breed(population, 1, stream);
    // 2 was bred before, and lost.
    expect(second.map(({ genotype, index }) => [genotype, index])).toEqual([[2, 2]]);
    expect(breeder.knownCount).toBe(3);
  });
});
