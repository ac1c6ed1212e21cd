/**
 * Seeded random streams, keyed by purpose.
 *
 * A stream is a function of its key alone, e.g. `(seed, 'gates', step)`, never of how many numbers
 * another purpose drew before it. So a search that resumes at step 500 draws what it would have drawn without the stop,
 * and two engines draw the same numbers.
 */
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { hashJson } from './json.js';

export interface RandomStream {
  /** A number in [0, 1) with 32 random bits. */
  uniform(): number;
  /** A standard normal number (Box-Muller). */
  normal(): number;
  /** An integer in [0, below). */
  integer(below: number): number;
  /** An index drawn with the given weights (non-negative, any sum > 0). */
  choice(weights: ArrayLike<number>): number;
  /** The numbers 0..count-1 in random order (Fisher-Yates). */
  permutation(count: number): Uint32Array;
}

export function randomStream(...key: readonly (string | number)[]): RandomStream {
  const generator = xoroshiro128plus(Number.parseInt(hashJson(key).slice(0, 8), 16) | 0);
  const uniform = () => (generator.next() >>> 0) / 4294967296;
  const integer = (below: number) => Math.floor(uniform() * below);
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    integer,
    choice(weights) {
      let total = 0;
      for (let index = 0; index < weights.length; index++) total += weights[index]!;
      let rest = uniform() * total;
      let last = 0; // rounding may leave a crumb of `rest` behind the last positive weight
      for (let index = 0; index < weights.length; index++) {
        if (weights[index]! > 0) last = index;
        rest -= weights[index]!;
        if (rest < 0) break;
      }
      return last;
    },
    permutation(count) {
      const order = Uint32Array.from({ length: count }, (_, index) => index);
      for (let index = count - 1; index > 0; index--) {
        const other = integer(index + 1);
        [order[index], order[other]] = [order[other]!, order[index]!];
      }
      return order;
    },
  };
}
