/**
 * Hypervolume of an evolution's front as it grows: the share of the box between 0 and a reference point that something found dominates. The reference point is the
 * worst of the first population in each objective, and stands from then on; so the share never falls, and says how far the search has come since.
 */
import { Archive } from '../evolution/archive.js';
import type { JournaledIndividual } from './journal.js';

export class FrontVolume {
  #first: JournaledIndividual[] = [];
  #archive: Archive<JournaledIndividual> | null = null;
  #box = 0;

  constructor(private readonly populationSize: number) {}

  /** Once this individual counts, 0..1; null before the first population is complete. */
  after(individual: JournaledIndividual): number | null {
    if (this.#archive !== null) this.#archive.add(individual);
    else {
      this.#first.push(individual);
      if (this.#first.length === this.populationSize) this.#begin();
    }
    return this.#archive === null ? null : this.#archive.hypervolume() / this.#box;
  }

  #begin(): void {
    const reference = this.#first[0]!.objectives.map((_, axis) =>
      Math.max(...this.#first.map(({ objectives }) => objectives[axis]!)),
    );
    this.#box = reference.reduce((product, worst) => product * worst, 1);
    this.#archive = new Archive(reference);
    for (const individual of this.#first) this.#archive.add(individual);
    this.#first = [];
  }
}
