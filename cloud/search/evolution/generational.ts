/** Generational NSGA-II: (mu + lambda) with lambda = mu. The schedule is drawn in nsga2.ts. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { Breeder, type Offspring } from './breeder.js';
import { type Individual, individualOf, type Key, type Told } from './individual.js';
import type { Nsga2, Nsga2Settings } from './nsga2.js';
import { emptyPopulation, type Population, survive } from './survival.js';

export class Generational<G> implements Nsga2<G> {
  population: Population<Individual<G>> = emptyPopulation;
  readonly #breeder: Breeder<G>;
  #generation = 0;
  #batch: readonly Offspring<G>[] = [];
  #askedCount = 0;
  /** Place in the batch of each genotype that was not told yet. */
  #places = new Map<Key, number>();
  #arrived: Individual<G>[] = [];

  constructor(private readonly settings: Nsga2Settings<G>) {
    this.#breeder = new Breeder(settings);
  }

  ask(): Offspring<G> | null {
    this.#openGeneration();
    while (this.#askedCount < this.#batch.length) {
      const offspring = this.#batch[this.#askedCount++]!;
      if (this.#places.has(offspring.key)) return offspring;
    }
    return null;
  }

  tell(told: Told<G>): void {
    this.#openGeneration();
    const key = this.settings.keyOf(told.genotype);
    const individual = individualOf(told, key, this.settings.objectiveCount);
    const place = this.#places.get(key);
    if (place === undefined) {
      const problem = this.#breeder.knows(key)
        ? 'it was told before'
        : `generation ${this.#generation} did not ask for it; was it told under another seed or other settings?`;
      throw new AppError('EVOLUTION_TELL_INVALID', { key: String(key), problem });
    }
    this.#places.delete(key);
    this.#arrived[place] = individual;
    if (this.#places.size === 0) this.#closeGeneration();
  }

  /** Breeds the next generation where the one before is closed. */
  #openGeneration(): void {
    if (this.#places.size > 0) return;
    const { seed, populationSize } = this.settings;
    const stream = randomStream(seed, 'generation', this.#generation);
    this.#batch =
      this.#generation === 0
        ? this.#breeder.sample(populationSize, stream)
        : this.#breeder.breed(this.population, populationSize, stream);
    this.#askedCount = 0;
    this.#places = new Map(this.#batch.map(({ key }, place) => [key, place]));
    this.#arrived = new Array(this.#batch.length);
  }

  #closeGeneration(): void {
    const { populationSize, objectiveCount } = this.settings;
    this.population = survive([...this.population.members, ...this.#arrived], populationSize, objectiveCount);
    this.#generation++;
  }
}
