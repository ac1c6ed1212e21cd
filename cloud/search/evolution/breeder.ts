/**
 * Breeder: makes genotypes that were never seen before. What is drawn and known already, or not admitted, is drawn again; a space in which
 * nothing new is found any more ends in an error, never in a loop without end.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import type { RandomStream } from '@bespoke/shared/base/random.js';
import type { Individual, Key } from './individual.js';
import { mostPromising, type Screening } from './screening.js';
import type { Population } from './survival.js';
import { Tournament } from './tournament.js';
import type { Child, Operator, Variation } from './variation.js';

/** A genotype to evaluate, and where it comes from. */
export interface Offspring<G> {
  /** Genotypes known before it. */
  readonly index: number;
  readonly genotype: G;
  readonly key: Key;
  /** None where it was drawn at random. */
  readonly parents: readonly Key[];
  readonly operators: readonly Operator[];
}

export interface BreederSettings<G> {
  readonly variation: Variation<G>;
  keyOf(genotype: G): Key;
  /** What may be evaluated at all, always the same of a genotype; by default all. */
  admits?(genotype: G): boolean;
  /** Which of several children go on; by default the first. */
  readonly screening?: Screening<G>;
}

/** Draws in a row that find nothing new before it gives up: where one draw in a thousand is new, it does so once in 20,000 times. */
const maxTries = 10_000;

interface Origin<G> extends Child<G> {
  readonly parents: readonly Key[];
}

export class Breeder<G> {
  readonly #known = new Set<Key>();

  constructor(private readonly settings: BreederSettings<G>) {}

  get knownCount(): number {
    return this.#known.size;
  }

  knows(key: Key): boolean {
    return this.#known.has(key);
  }

  /** Takes note of a genotype that came from elsewhere: it is not bred any more. */
  learn(key: Key): void {
    this.#known.add(key);
  }

  /** `count` random genotypes; fewer where no more are found. Throws `EVOLUTION_EXHAUSTED` where none is. */
  sample(count: number, stream: RandomStream): Offspring<G>[] {
    const { variation } = this.settings;
    return this.#fill(count, () => ({ genotype: variation.sample(stream), parents: [], operators: [] }));
  }

  /** `count` children of winners of tournaments; fewer where no more are found. Throws `EVOLUTION_EXHAUSTED` where none is. */
  breed(population: Population<Individual<G>>, count: number, stream: RandomStream): Offspring<G>[] {
    const { variation } = this.settings;
    const tournament = new Tournament(population, stream);
    const draw = () => {
      const first = tournament.winner();
      const second = tournament.winner();
      const { genotype, operators } = variation.breed(first.genotype, second.genotype, stream);
      return { genotype, operators, parents: [first.key, second.key] };
    };
    return this.#screened(population, count, (poolCount) => this.#fill(poolCount, draw));
  }

  /** Those of a pool that go on are numbered anew; the others may be bred again. */
  #screened(
    population: Population<Individual<G>>,
    count: number,
    fill: (count: number) => Offspring<G>[],
  ): Offspring<G>[] {
    const { screening } = this.settings;
    if (!screening) return fill(count);
    const pool = fill(count * screening.poolFactor);
    for (const { key } of pool) this.#known.delete(key);
    return mostPromising(population, pool, count, screening).map((offspring) => {
      const numbered = { ...offspring, index: this.#known.size };
      this.#known.add(offspring.key);
      return numbered;
    });
  }

  #fill(count: number, draw: () => Origin<G>): Offspring<G>[] {
    const offspring: Offspring<G>[] = [];
    let tries = 0;
    while (offspring.length < count && tries < maxTries) {
      tries++;
      const { genotype, parents, operators } = draw();
      const key = this.settings.keyOf(genotype);
      if (this.#known.has(key) || this.settings.admits?.(genotype) === false) continue;
      offspring.push({ index: this.#known.size, genotype, key, parents, operators });
      this.#known.add(key);
      tries = 0;
    }
    if (offspring.length === 0) {
      throw new AppError('EVOLUTION_EXHAUSTED', { tries: maxTries, knownCount: this.#known.size });
    }
    return offspring;
  }
}
