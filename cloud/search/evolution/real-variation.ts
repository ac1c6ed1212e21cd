/**
 * Variation of real genes between bounds, with the operators and settings of pymoo 0.6.2's NSGA2: simulated binary crossover (Deb and
 * Agrawal 1995, in the bounded form of Deb's code) and polynomial mutation (Deb and Goyal 1996).
 *
 * A mating gives one child here, there two; each child has the same distribution.
 */
import type { RandomStream } from '@bespoke/shared/base/random.js';
import type { Operator, Variation } from './variation.js';

const crossoverProbability = 0.9;
const crossoverProbabilityOfGene = 0.5;
const mutationProbability = 0.9;
const mutationIndex = 20;

/** Genes that differ by less are not crossed. */
const leastDifference = 1e-14;

export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** `bounds` of each gene; low < high. A genotype is one number per gene. */
export function realVariation(bounds: readonly Bounds[]): Variation<readonly number[]> {
  const mutationProbabilityOfGene = Math.min(0.5, 1 / bounds.length);
  return {
    sample: (stream) => bounds.map(({ low, high }) => low + (high - low) * stream.uniform()),
    breed(first, second, stream) {
      const genotype = first.slice();
      const operators: Operator[] = [];
      if (stream.uniform() < crossoverProbability) {
        for (let gene = 0; gene < genotype.length; gene++) {
          if (stream.uniform() >= crossoverProbabilityOfGene) continue;
          genotype[gene] = crossed(first[gene]!, second[gene]!, bounds[gene]!, stream);
        }
        operators.push('crossover');
      }
      if (stream.uniform() < mutationProbability) {
        for (let gene = 0; gene < genotype.length; gene++) {
          if (stream.uniform() >= mutationProbabilityOfGene) continue;
          genotype[gene] = mutated(genotype[gene]!, bounds[gene]!, stream);
        }
        operators.push('mutation');
      }
      return { genotype, operators };
    },
  };
}

/** One of the two values that simulated binary crossover gives, either as probable as the other. */
function crossed(a: number, b: number, { low, high }: Bounds, stream: RandomStream): number {
  if (Math.abs(a - b) <= leastDifference) return a;
  const smaller = Math.min(a, b);
  const greater = Math.max(a, b);
  const difference = greater - smaller;
  const isLower = stream.uniform() < 0.5;
  const distanceToBound = isLower ? smaller - low : high - greater;

  // The spread is drawn from a polynomial distribution that is cut where the child would leave the bounds.
  const alpha = 2 - 1 / power16(1 + (2 * distanceToBound) / difference);
  const drawn = stream.uniform() * alpha;
  const spread = root16(drawn <= 1 ? drawn : 1 / (2 - drawn));
  const child = 0.5 * (smaller + greater + (isLower ? -spread : spread) * difference);
  return Math.min(high, Math.max(low, child));
}

/** The distribution index of the crossover is 15, which makes its exponents 16 and 1/16: several times as fast as any power. */
function power16(x: number): number {
  const x4 = x * x * (x * x);
  return x4 * x4 * (x4 * x4);
}

function root16(x: number): number {
  return Math.sqrt(Math.sqrt(Math.sqrt(Math.sqrt(x))));
}

function mutated(value: number, { low, high }: Bounds, stream: RandomStream): number {
  const range = high - low;
  const drawn = stream.uniform();
  const isDown = drawn <= 0.5;
  const room = (isDown ? value - low : high - value) / range;
  const share = isDown ? 2 * drawn : 2 * (1 - drawn);
  const power = (share + (1 - share) * (1 - room) ** (mutationIndex + 1)) ** (1 / (mutationIndex + 1));
  const shift = isDown ? power - 1 : 1 - power;
  return Math.min(high, Math.max(low, value + shift * range));
}
