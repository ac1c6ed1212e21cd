/** Steady-state NSGA-II: (mu + 1), every tell is a generation, and nobody waits for anybody. The schedule is drawn in nsga2.ts. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { Breeder, type Offspring } from './breeder.js';
import { type Individual, individualOf, type Key, type Told } from './individual.js';
import type { Nsga2, Nsga2Settings } from './nsga2.js';
import { emptyPopulation, type Population, survive } from './survival.js';

export class SteadyState<G> implements Nsga2<G> {
  population: Population<Individual<G>> = emptyPopulation;
  readonly #breeder: Breeder<G>;
  readonly #told = new Set<Key>();

  constructor(private readonly settings: Nsga2Settings<G>) {
    this.#breeder = new Breeder(settings);
  }

  ask(): Offspring<G> {
    const { seed, populationSize } = this.settings;
    const { knownCount } = this.#breeder;
    const stream = randomStream(seed, 'offspring', knownCount);
    const isInitial = knownCount < populationSize || this.population.members.length === 0;
    const found = isInitial ? this.#breeder.sample(1, stream) : this.#breeder.breed(this.population, 1, stream);
    return found[0]!;
  }

  tell(told: Told<G>): void {
    const { keyOf, populationSize, objectiveCount } = this.settings;
    const key = keyOf(told.genotype);
    const individual = individualOf(told, key, objectiveCount);
    if (this.#told.has(key)) {
      throw new AppError('EVOLUTION_TELL_INVALID', { key: String(key), problem: 'it was told before' });
    }
    this.#told.add(key);
    this.#breeder.learn(key);
    this.population = survive([...this.population.members, individual], populationSize, objectiveCount);
  }
}
