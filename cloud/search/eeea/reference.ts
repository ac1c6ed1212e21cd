/**
 * The genetic algorithm of the authors' code (chakkritte/EEEA-Net, 2024-08), its mistakes among it, behind the interface of nsga2.ts: to be compared with, never to be
 * chosen for itself. What it does otherwise than NSGA-II (docs/search.md has the effect of each):
 *
 *   dominance      the first two objectives alone, whatever the others say; violations are not known
 *   survival       the first tenth of the sorted population, in the order of the fronts; within all fronts but the last they stand as they stood
 *   crowding       of the last front alone, by distances that belong to other individuals (those of the population from its beginning)
 *   parents        two winners of tournaments between two, one from each, by dominance alone; of equals the first drawn
 *   crossover      always, gene by gene: an op and what it reads may come from different parents
 *   mutation       one pair in every tenth child
 *   inversion      in every tenth child; it copies the end of a span onto its beginning, where it meant to swap
 *   population     what was drawn twice at first is left out, not drawn again
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { type RandomStream, randomStream } from '@bespoke/shared/base/random.js';
import type { Offspring } from '../evolution/breeder.js';
import { crowdingDistances } from '../evolution/crowding.js';
import type { Evaluated } from '../evolution/dominance.js';
import type { Individual, Key, Told } from '../evolution/individual.js';
import type { Nsga2, Nsga2Settings } from '../evolution/nsga2.js';
import { pointsOf } from '../evolution/points.js';
import type { Operator } from '../evolution/variation.js';
import type { GeneSpace, Genes } from './gene-space.js';

/** Of the population: those that live on. */
const retainedShare = 0.1;
const mutationProbability = 0.1;
const inversionProbability = 0.1;
/** Of a parent's tournament. */
const contestantCount = 2;
/** Draws in a row that find nothing new; the authors' code has no bound. */
const maxTries = 100_000;

export interface ReferenceSettings extends Omit<Nsga2Settings<Genes>, 'variation'> {
  readonly space: Pick<GeneSpace, 'valueCounts' | 'groupSize'>;
}

export class ReferenceAlgorithm implements Pick<Nsga2<Genes>, 'ask' | 'tell'> {
  readonly #known = new Set<Key>();
  #parents: Individual<Genes>[] = [];
  #generation = 0;
  /** Drawn when it is asked for first. */
  #batch: Offspring<Genes>[] | null = null;
  #askedCount = 0;
  #arrived = new Map<Key, Individual<Genes>>();

  constructor(private readonly settings: ReferenceSettings) {}

  ask(): Offspring<Genes> | null {
    this.#batch ??= this.#first();
    if (this.#batch.length === 0) {
      throw new AppError('EVOLUTION_EXHAUSTED', { tries: maxTries, knownCount: this.#known.size });
    }
    while (this.#askedCount < this.#batch.length) {
      const offspring = this.#batch[this.#askedCount++]!;
      if (!this.#arrived.has(offspring.key)) return offspring;
    }
    return null;
  }

  tell({ genotype, objectives, violation }: Told<Genes>): void {
    this.#batch ??= this.#first();
    const key = this.settings.keyOf(genotype);
    this.#arrived.set(key, { genotype, key, objectives, violation });
    if (this.#arrived.size < this.#batch.length) return;
    const children = this.#batch.map((offspring) => this.#arrived.get(offspring.key)!);
    const retainedCount = Math.floor(this.settings.populationSize * retainedShare);
    this.#parents = retained([...this.#parents, ...children], retainedCount);
    this.#arrived = new Map();
    this.#askedCount = 0;
    this.#generation++;
    this.#batch = this.#breed(this.#parents);
  }

  #first(): Offspring<Genes>[] {
    const { settings } = this;
    const stream = randomStream(settings.seed, 'reference', 0);
    const batch: Offspring<Genes>[] = [];
    for (let draw = 0; draw < settings.populationSize; draw++) {
      const genes = this.#admitted(() => settings.space.valueCounts.map((count) => stream.integer(count)));
      const key = settings.keyOf(genes);
      if (this.#known.has(key)) continue;
      batch.push({ index: this.#known.size, genotype: genes, key, parents: [], operators: [] });
      this.#known.add(key);
    }
    return batch;
  }

  #breed(parents: readonly Individual<Genes>[]): Offspring<Genes>[] {
    const { settings } = this;
    const stream = randomStream(settings.seed, 'reference', this.#generation);
    const batch: Offspring<Genes>[] = [];
    for (let tries = 0; batch.length < settings.populationSize - parents.length && tries < maxTries; tries++) {
      const [male, female] = [winner(parents, stream), winner(parents, stream)];
      const { genes, operators } = child(male.genotype, female.genotype, settings.space, stream);
      const key = settings.keyOf(genes);
      if (this.#known.has(key) || settings.admits?.(genes) === false) continue;
      batch.push({ index: this.#known.size, genotype: genes, key, parents: [male.key, female.key], operators });
      this.#known.add(key);
    }
    return batch;
  }

  #admitted(draw: () => number[]): number[] {
    for (let tries = 0; tries < maxTries; tries++) {
      const genes = draw();
      if (this.settings.admits?.(genes) !== false) return genes;
    }
    throw new AppError('EVOLUTION_EXHAUSTED', { tries: maxTries, knownCount: this.#known.size });
  }
}

function dominatesByTwo({ objectives: a }: Evaluated, { objectives: b }: Evaluated): boolean {
  return a[0]! <= b[0]! && a[1]! <= b[1]! && (a[0]! < b[0]! || a[1]! < b[1]!);
}

/** The first `count` of the population as the authors' code sorts it. */
function retained(population: readonly Individual<Genes>[], count: number): Individual<Genes>[] {
  const sorted: Individual<Genes>[] = [];
  let rest = [...population];
  while (rest.length > 0) {
    const front = rest.filter((one) => !rest.some((other) => dominatesByTwo(other, one)));
    rest = rest.filter((one) => !front.includes(one));
    sorted.push(...(rest.length === 0 ? misaligned(front, population) : front));
  }
  return sorted.slice(0, count);
}

/** The front's i-th goes by the crowding distance of the population's i-th. */
function misaligned(
  front: readonly Individual<Genes>[],
  population: readonly Individual<Genes>[],
): Individual<Genes>[] {
  const points = pointsOf(
    population.map(({ objectives }) => objectives.slice(0, 2)),
    2,
  );
  const distances = crowdingDistances(
    points,
    Uint32Array.from(population, (_, row) => row),
  );
  return front
    .map((individual, place) => ({ individual, distance: distances[place]! }))
    .sort((a, b) => (a.distance === b.distance ? 0 : b.distance - a.distance))
    .map(({ individual }) => individual);
}

function winner(parents: readonly Individual<Genes>[], stream: RandomStream): Individual<Genes> {
  const [first, ...others] = [...stream.permutation(parents.length).subarray(0, contestantCount)];
  return others.reduce(
    (best, other) => (dominatesByTwo(parents[other]!, best) ? parents[other]! : best),
    parents[first!]!,
  );
}

function child(
  male: Genes,
  female: Genes,
  { valueCounts, groupSize }: ReferenceSettings['space'],
  stream: RandomStream,
): { genes: number[]; operators: Operator[] } {
  const genes = male.map((gene, index) => (stream.uniform() < 0.5 ? gene : female[index]!));
  const operators: Operator[] = ['crossover'];
  const groupCount = genes.length / groupSize;
  if (stream.uniform() < mutationProbability) {
    const start = stream.integer(groupCount) * groupSize;
    for (let gene = start; gene < start + groupSize; gene++) genes[gene] = stream.integer(valueCounts[gene]!);
    operators.push('mutation');
  }
  if (stream.uniform() < inversionProbability) {
    const [a, b] = [stream.integer(groupCount), stream.integer(groupCount)];
    copyBackwards(genes, Math.min(a, b), Math.max(a, b), valueCounts, groupSize);
    operators.push('mutation');
  }
  return { genes, operators };
}

/** What stands at the end of the span also stands, mirrored, at its beginning; a state that may not be read there is folded into those that may. */
function copyBackwards(
  genes: number[],
  first: number,
  last: number,
  valueCounts: readonly number[],
  groupSize: number,
): void {
  for (let [start, end] = [first, last]; start < end; start++, end--) {
    for (let digit = 0; digit < groupSize; digit++) {
      const to = start * groupSize + digit;
      genes[to] = genes[end * groupSize + digit]! % valueCounts[to]!;
    }
  }
}
