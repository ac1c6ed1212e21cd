/**
 * Archive: all that was ever told and that nothing told dominates, without a bound. A population forgets good individuals where its
 * front is crowded; what a search has found is the archive's to say. Its hypervolume against one fixed reference point never shrinks.
 */
import { dominates, type Evaluated } from './dominance.js';
import { hypervolume } from './hypervolume.js';
import { type ObjectiveCount, pointsOf } from './points.js';

export class Archive<T extends Evaluated> {
  #members: readonly T[] = [];

  /** `reference` has one number per objective, 2 to 4 of them. */
  constructor(private readonly reference: readonly number[]) {}

  /** In the order in which they came. As long as nothing feasible was told, those of the least violation. */
  get members(): readonly T[] {
    return this.#members;
  }

  /** Whether the candidate joined; those that it dominates leave. Equal objectives do not dominate each other. */
  add(candidate: T): boolean {
    if (this.#members.some((member) => dominates(member, candidate))) return false;
    this.#members = [...this.#members.filter((member) => !dominates(candidate, member)), candidate];
    return true;
  }

  /** Of the feasible members; 0 where none is. */
  hypervolume(): number {
    const feasible = this.#members.filter(({ violation }) => violation === 0);
    const objectiveCount = this.reference.length as ObjectiveCount;
    return hypervolume(
      pointsOf(
        feasible.map(({ objectives }) => objectives),
        objectiveCount,
      ),
      this.reference,
    );
  }
}
