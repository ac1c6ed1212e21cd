import { Archive } from '@bespoke/cloud/search/evolution/archive.js';
import type { Offspring } from '@bespoke/cloud/search/evolution/breeder.js';
import { type Genes, groupVariation } from '@bespoke/cloud/search/evolution/group-variation.js';
import { hypervolume } from '@bespoke/cloud/search/evolution/hypervolume.js';
import type { Told } from '@bespoke/cloud/search/evolution/individual.js';
import { type Nsga2, type Nsga2Mode, openNsga2 } from '@bespoke/cloud/search/evolution/nsga2.js';
import { pointsOf } from '@bespoke/cloud/search/evolution/points.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusal } from '../../../shared/refusal.js';
import { evolve } from '../../../support/evolve.js';
import { problems } from '../../../support/problems.js';
import { naiveFront } from './arbitrary.js';

const groups = Array.from({ length: 6 }, (_, index) => [4, 1 + (index % 3)]);
const keyOf = (genes: Genes) => genes.join('');

const open = (mode: Nsga2Mode, populationSize = 3, seed = 5) =>
  openNsga2(mode, { seed, populationSize, objectiveCount: 2, variation: groupVariation(groups), keyOf });

/** Two objectives that contend, and a constraint. */
function evaluate(genotype: Genes): Told<Genes> {
  const sum = genotype.reduce((total, gene) => total + gene, 0);
  const distance = genotype.reduce((total, gene, index) => total + (gene - (index % 4)) ** 2, 0);
  return { genotype, objectives: [sum, distance], violation: Math.max(0, sum - 18) };
}

const keysOf = ({ population }: Nsga2<Genes>) => population.members.map(({ key }) => key);

/** Asks and tells until `count` were told: `workerCount` at most at a time, which end in an order drawn from `seed`. */
function run(optimizer: Nsga2<Genes>, count: number, workerCount: number, seed: number): Told<Genes>[] {
  const stream = randomStream('workers', seed);
  const busy: Offspring<Genes>[] = [];
  const told: Told<Genes>[] = [];
  while (told.length < count) {
    const next = busy.length < workerCount ? optimizer.ask() : null;
    if (next) busy.push(next);
    if (next && stream.uniform() < 0.5) continue;
    const [done] = busy.splice(stream.integer(busy.length), 1);
    told.push(evaluate(done!.genotype));
    optimizer.tell(told.at(-1)!);
  }
  return told;
}

function archiveOf(told: readonly Told<Genes>[]): Archive<Told<Genes>> {
  const archive = new Archive<Told<Genes>>([20, 60]);
  for (const one of told) archive.add(one);
  return archive;
}

describe('openNsga2, generational', () => {
  it('keeps to the schedule that is drawn', () => {
    const optimizer = open('generational');
    const [s0, s1, s2] = [optimizer.ask()!, optimizer.ask()!, optimizer.ask()!];
    expect([s0, s1, s2].map(({ index, parents }) => [index, parents.length])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ]);
    expect(optimizer.ask()).toBeNull();
    for (const { genotype } of [s1, s0, s2]) optimizer.tell(evaluate(genotype));
    expect(keysOf(optimizer).toSorted()).toEqual([s0, s1, s2].map(({ key }) => key).toSorted());

    const [b3, b4, b5] = [optimizer.ask()!, optimizer.ask()!, optimizer.ask()!];
    expect([b3, b4, b5].map(({ index, parents }) => [index, parents.length])).toEqual([
      [3, 2],
      [4, 2],
      [5, 2],
    ]);
    for (const parent of b3.parents) expect(keysOf(optimizer)).toContain(parent);
    expect(optimizer.ask()).toBeNull();
    for (const { genotype } of [b3, b5, b4]) optimizer.tell(evaluate(genotype));
    expect(keysOf(optimizer)).toHaveLength(3);
    expect(optimizer.ask()!.index).toBe(6);
  });

  it('ends with the same population in whatever order a generation ends', () => {
    const [one, other, another] = [open('generational', 8), open('generational', 8), open('generational', 8, 6)];
    run(one, 64, 8, 1);
    run(other, 64, 3, 2);
    run(another, 64, 8, 1);
    expect(keysOf(other)).toEqual(keysOf(one));
    expect(keysOf(another)).not.toEqual(keysOf(one));
  });

  it('goes on after a stop at any evaluation to the same archive', () => {
    const whole = archiveOf(run(open('generational', 8), 80, 1, 0)).members;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 79 }), fc.integer({ min: 1, max: 9 }), fc.nat(), (cut, workers, seed) => {
        const journal = run(open('generational', 8), cut, workers, seed);
        const resumed = open('generational', 8);
        for (const told of journal) resumed.tell(told);
        const rest = run(resumed, 80 - cut, workers, seed + 1);
        const keys = (members: readonly Told<Genes>[]) => members.map(({ genotype }) => keyOf(genotype)).toSorted();
        expect(keys(archiveOf([...journal, ...rest]).members)).toEqual(keys(whole));
      }),
      { numRuns: 30 },
    );
  });

  it('refuses what it did not ask for, what was told, and what is no evaluation', () => {
    const optimizer = open('generational');
    const { genotype, key } = optimizer.ask()!;
    const foreign = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const says = (told: Partial<Told<Genes>>) =>
      refusal(() => optimizer.tell({ genotype, objectives: [1, 2], violation: 0, ...told }));
    expect(says({ objectives: [1, Number.NaN] })).toBe(
      `EVOLUTION_TELL_INVALID: expected an evaluation that fits, but that of ${key} does not: its objectives are [1, NaN], not 2 finite numbers`,
    );
    expect(says({ objectives: [1, 2, 3] })).toContain('its objectives are [1, 2, 3], not 2 finite numbers');
    expect(says({ violation: -1 })).toContain('its violation is -1, not a number from 0 on');
    expect(says({ genotype: foreign })).toContain('generation 0 did not ask for it; was it told under another seed');
    expect(says({})).toBe('no refusal');
    expect(says({})).toContain('it was told before');
  });

  it('enumerates a small space, never asks twice, and then says so', () => {
    const variation = groupVariation([[3], [4]]);
    const optimizer = openNsga2('generational', { seed: 1, populationSize: 5, objectiveCount: 2, variation, keyOf });
    const keys = new Set<unknown>();
    const ask = () => {
      const { key, genotype } = optimizer.ask()!;
      keys.add(key);
      optimizer.tell(evaluate(genotype));
    };
    for (let count = 0; count < 12; count++) ask();
    expect(keys.size).toBe(12);
    expect(refusal(ask)).toMatch(/^EVOLUTION_EXHAUSTED: .* beside the 12 known/);
  });

  it("comes as near to the front of ZDT1 as pymoo's worst of 11 runs (docs/search.md)", () => {
    const front = evolve(problems.zdt1, problems.zdt1.generationCount, 0);
    expect(hypervolume(pointsOf(front, 2), problems.zdt1.reference)).toBeGreaterThan(0.86929);
  });
});

describe('openNsga2, steady', () => {
  it('keeps to the schedule that is drawn', () => {
    const optimizer = open('steady');
    const tell = ({ genotype }: Offspring<Genes>) => optimizer.tell(evaluate(genotype));
    const [s0, s1, s2] = [optimizer.ask()!, optimizer.ask()!, optimizer.ask()!];
    tell(s1);
    expect(keysOf(optimizer)).toEqual([s1.key]);
    tell(s0);
    const b3 = optimizer.ask()!;
    expect(b3.parents).toHaveLength(2);
    for (const parent of b3.parents) expect([s0.key, s1.key]).toContain(parent);
    tell(b3);
    expect(keysOf(optimizer).toSorted()).toEqual([s0.key, s1.key, b3.key].toSorted());
    tell(s2);
    expect(keysOf(optimizer)).toHaveLength(3);
    expect([s0, s1, s2, b3, optimizer.ask()!].map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
  });

  it('draws at random as long as there is nobody to breed from', () => {
    const optimizer = open('steady');
    const asked = Array.from({ length: 5 }, () => optimizer.ask()!);
    expect(asked.every(({ parents }) => parents.length === 0)).toBe(true);
    expect(new Set(asked.map(({ key }) => key)).size).toBe(5);
  });

  it('loses nothing that was told and asks nothing twice, in whatever order evaluations end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(), (workers, seed) => {
        const optimizer = open('steady', 8, seed);
        const told = run(optimizer, 60, workers, seed);
        expect(new Set(told.map(({ genotype }) => keyOf(genotype))).size).toBe(60);
        expect(archiveOf(told).members).toEqual(naiveFront(told));
        // Who is not in the population is dominated, or was one too many of a crowded front: its ends never are.
        expect(keysOf(optimizer)).toHaveLength(8);
        const front = naiveFront(told);
        for (const objective of [0, 1]) {
          const least = Math.min(...front.map(({ objectives }) => objectives[objective]!));
          expect(optimizer.population.members.map(({ objectives }) => objectives[objective])).toContain(least);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('is the same again once it was told the same', () => {
    const optimizer = open('steady', 8);
    const told = run(optimizer, 50, 1, 3);
    const replayed = open('steady', 8);
    for (const one of told) replayed.tell(one);
    expect(replayed.population).toEqual(optimizer.population);
    expect(replayed.ask()).toEqual(optimizer.ask());
  });

  it('refuses what was told before', () => {
    const optimizer = open('steady');
    const told = evaluate(optimizer.ask()!.genotype);
    optimizer.tell(told);
    expect(refusal(() => optimizer.tell(told))).toContain('it was told before');
  });
});
