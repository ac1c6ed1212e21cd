/** Variation: how genotypes of some kind come to be. What evolves knows no more of a genotype than this. */
import type { RandomStream } from '@bespoke/shared/base/random.js';

export type Operator = 'crossover' | 'mutation';

export interface Child<G> {
  readonly genotype: G;
  /** What was done to a copy of the first parent, in this order. */
  readonly operators: readonly Operator[];
}

export interface Variation<G> {
  /** A random genotype. */
  sample(stream: RandomStream): G;
  /** A child of two parents, which stay as they are. */
  breed(first: G, second: G, stream: RandomStream): Child<G>;
}
