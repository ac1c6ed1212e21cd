/**
 * NSGA-II (Deb et al. 2002) by ask and tell: `ask` gives a genotype to evaluate, `tell` takes what came of it. Who evaluates it, where and
 * for how long is not known here. With a population of 3 (s: random, b: bred; numbers in the order of birth):
 *
 *   generational   ask          s0 s1 s2 -       b3 b4 b5 -         b6 …     -: null, the generation is not told in full
 *                  tell                  1  0  2          3  5  4
 *                  population                  012              best 3 of 012345
 *
 *   steady         ask          s0 s1 s2          b3       b4    b5 …      whenever an evaluator is free
 *                  tell                  1  0        3  2     4    …        in whatever order they end
 *                  population            1  01       013 |best 3 of 0123, then of those and 4, and so on
 *
 * What is random is keyed by the seed and the generation, in steady state by the number of genotypes known; all else follows from what was
 * told. So an optimizer that is told the same again is the same again, and what was asked for and never told may be asked for once
 * more. In generational mode the order within a generation makes no difference.
 */
import type { BreederSettings, Offspring } from './breeder.js';
import { Generational } from './generational.js';
import type { Individual, Told } from './individual.js';
import type { ObjectiveCount } from './points.js';
import { SteadyState } from './steady-state.js';
import type { Population } from './survival.js';

export interface Nsga2<G> {
  /** The best of all that was told, at most `populationSize`. */
  readonly population: Population<Individual<G>>;
  /**
   * The next genotype to evaluate, never one that was asked for or told before; null while others must be told first.
   * Throws `EVOLUTION_EXHAUSTED` where no other is found.
   */
  ask(): Offspring<G> | null;
  /** Throws `EVOLUTION_TELL_INVALID`; the population is then as it was. */
  tell(told: Told<G>): void;
}

export interface Nsga2Settings<G> extends BreederSettings<G> {
  readonly seed: number;
  /** Also the size of a generation. */
  readonly populationSize: number;
  readonly objectiveCount: ObjectiveCount;
}

export type Nsga2Mode = 'generational' | 'steady';

const modes: { readonly [M in Nsga2Mode]: <G>(settings: Nsga2Settings<G>) => Nsga2<G> } = {
  generational: (settings) => new Generational(settings),
  steady: (settings) => new SteadyState(settings),
};

export function openNsga2<G>(mode: Nsga2Mode, settings: Nsga2Settings<G>): Nsga2<G> {
  return modes[mode](settings);
}
