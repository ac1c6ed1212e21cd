/**
 * Binary tournament (Deb et al. 2002, §III-C): of two members the one in the better front, in the same front the less crowded one.
 * Contestants are dealt from a shuffled deck, so that each contests once before any does again: a member's chances are its rank's, not luck's.
 */
import type { RandomStream } from '@bespoke/shared/base/random.js';
import type { Population } from './survival.js';

export class Tournament<T> {
  #deck: Uint32Array = new Uint32Array(0);
  #dealtCount = 0;

  /** `population` has one member at least. */
  constructor(
    private readonly population: Population<T>,
    private readonly stream: RandomStream,
  ) {}

  winner(): T {
    const first = this.#deal();
    const second = this.#deal();
    return this.population.members[this.#isBetter(second, first) ? second : first]!;
  }

  #deal(): number {
    if (this.#dealtCount === this.#deck.length) {
      this.#deck = this.stream.permutation(this.population.members.length);
      this.#dealtCount = 0;
    }
    return this.#deck[this.#dealtCount++]!;
  }

  #isBetter(a: number, b: number): boolean {
    const { ranks, crowding } = this.population;
    return ranks[a] === ranks[b] ? crowding[a]! > crowding[b]! : ranks[a]! < ranks[b]!;
  }
}
