/**
 * Turn: what agents did in one turn of the event loop, stored in one transaction, and answered when it is on the disk. One
 * commit waits for the disk for milliseconds; thousands of messages a second cannot each have their own.
 */
import type { Store } from '../store/store.js';

export class Turn {
  #work: (() => void)[] = [];
  #answers: (() => void)[] = [];

  constructor(private readonly store: Pick<Store, 'transaction' | 'open'>) {}

  /** Does it in this turn, in order; what it throws goes to `onError`. */
  add(work: () => void, onError: (error: unknown) => void): void {
    this.#work.push(() => {
      try {
        work();
      } catch (error) {
        this.answer(() => onError(error));
      }
    });
    if (this.#work.length === 1) setImmediate(() => this.#run());
  }

  /** Does it when everything of this turn is stored. */
  answer(answer: () => void): void {
    this.#answers.push(answer);
    if (this.#work.length === 0)
      this.add(
        () => {},
        () => {},
      );
  }

  #run(): void {
    if (!this.store.open) return;
    // What comes while this runs belongs to it, too: `#work` is empty only afterwards.
    this.store.transaction(() => {
      for (let index = 0; index < this.#work.length; index++) this.#work[index]!();
    });
    this.#work = [];
    const answers = this.#answers;
    this.#answers = [];
    for (const answer of answers) answer();
  }
}
