/**
 * What is wrong in the selection and variation of EEEA-Net's published code (chakkritte/EEEA-Net, 58ba072; EEEA/cifar/eeea/genetic), each
 * with the figures that show it there, and what becomes of them here.
 */
import { dominates } from '@bespoke/cloud/search/evolution/dominance.js';
import { type Genes, groupVariation } from '@bespoke/cloud/search/evolution/group-variation.js';
import { openNsga2 } from '@bespoke/cloud/search/evolution/nsga2.js';
import { survive } from '@bespoke/cloud/search/evolution/survival.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { describe, expect, it } from 'vitest';

const at = (...objectives: number[]) => ({ objectives, violation: 0 });

describe('dominates', () => {
  // Cause: `dominates(..., sign=[-1, -1])` zips four objectives with two signs, so FLOPs and time were never compared.
  it('compares all objectives, not the first two', () => {
    expect(dominates(at(10, 2.0, 9, 9), at(10, 2.1, 1, 1))).toBe(false);
  });
});

describe('survive, crowding', () => {
  // Cause: distances of the whole population were zipped with the indices of the last front. Row 0 is a front of its own; of the
  // others 1 and 2 are the ends and 5 has more room than 3. The order there was 0 3 2 1 4 5.
  it('belongs to the front that it was asked for', () => {
    const pool = [at(0, 0), at(1, 10), at(10, 1), at(2, 8), at(3, 7.5), at(6, 3)];
    const { members, crowding } = survive(pool, 6, 2);
    const order = members.map((member, place) => ({ row: pool.indexOf(member), room: crowding[place]! }));
    expect(order.map(({ row }) => row)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(order.filter(({ room }) => room === Infinity).map(({ row }) => row)).toEqual([0, 1, 2]);
    expect(order[5]!.room).toBeGreaterThan(order[3]!.room);
  });
});

describe('survive', () => {
  // Cause: only the last front was sorted by crowding, and survivors were the first four by position, old parents first: both ends died.
  it('keeps the ends of a front of equals, wherever they stand', () => {
    const front = [4, 5, 3, 6, 0, 9, 1, 8, 2, 7].map((x) => at(x, 9 - x));
    const survivors = survive(front, 4, 2).members.map(({ objectives }) => objectives[0]!);
    expect(survivors.toSorted()).toEqual([0, 2, 5, 9]);
  });
});

describe('openNsga2', () => {
  // Cause: `retain = crossover_prob`: a tenth of 40 survived, and 36 children of those 4 filled the population up.
  it('keeps 40 of 40 and 40 children, not 4', () => {
    const variation = groupVariation(new Array(8).fill([9, 3]));
    const keyOf = (genes: Genes) => genes.join();
    const optimizer = openNsga2('generational', { seed: 1, populationSize: 40, objectiveCount: 2, variation, keyOf });
    const parents = new Set<unknown>();
    for (let count = 0; count < 80; count++) {
      const offspring = optimizer.ask()!;
      for (const parent of offspring.parents) parents.add(parent);
      const sum = offspring.genotype.reduce((total, gene) => total + gene, 0);
      optimizer.tell({ genotype: offspring.genotype, objectives: [sum, -sum], violation: 0 });
    }
    expect(optimizer.population.members).toHaveLength(40);
    expect(parents.size).toBeGreaterThan(20);
  });
});

describe('groupVariation', () => {
  // Cause: op and state were crossed apart, and "inversion" copied a gene over another (`start = end; end = start`), across cells, too.
  it('moves no gene to another place and parts no pair', () => {
    const pair = (cell: number, place: number) => [10 * cell + place, place];
    const parent = (cell: number) => Array.from({ length: 8 }, (_, place) => pair(cell, place)).flat();
    const groups = Array.from({ length: 8 }, () => [20, 8]);
    const variation = groupVariation(groups, { crossoverProbability: 1, mutatedGroupCount: 0 });
    const stream = randomStream('defect');
    for (let round = 0; round < 50; round++) {
      const { genotype } = variation.breed(parent(0), parent(1), stream);
      for (let place = 0; place < 8; place++) {
        expect([pair(0, place), pair(1, place)]).toContainEqual(genotype.slice(2 * place, 2 * place + 2));
      }
    }
  });
});
