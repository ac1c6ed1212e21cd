/** Random individuals for properties: few different values, so that ties, duplicates and equal violations are frequent. */
import type { Evaluated } from '@bespoke/cloud/search/evolution/dominance.js';
import { dominates } from '@bespoke/cloud/search/evolution/dominance.js';
import type { ObjectiveCount } from '@bespoke/cloud/search/evolution/points.js';
import fc from 'fast-check';

export const objectiveCounts = fc.constantFrom<ObjectiveCount>(2, 3, 4);

/** Rows of `objectiveCount` values from 0 to `greatest`, integers or not. */
export function rowsOf(objectiveCount: ObjectiveCount, maxLength: number, greatest = 5) {
  const integer = fc.integer({ min: 0, max: greatest });
  const real = fc.double({ min: 0, max: greatest, noNaN: true });
  const row = (value: fc.Arbitrary<number>) =>
    fc.array(value, { minLength: objectiveCount, maxLength: objectiveCount });
  return fc.oneof(fc.array(row(integer), { maxLength }), fc.array(row(real), { maxLength }));
}

/** Individuals of which two in three are feasible. */
export function evaluatedOf(objectiveCount: ObjectiveCount, maxLength: number): fc.Arbitrary<Evaluated[]> {
  const violation = fc.constantFrom(0, 0, 0, 0, 1, 2);
  return rowsOf(objectiveCount, maxLength).chain((rows) =>
    fc
      .array(violation, { minLength: rows.length, maxLength: rows.length })
      .map((violations) => rows.map((objectives, index) => ({ objectives, violation: violations[index]! }))),
  );
}

/** Those that no other of them dominates, by comparing each with each. */
export function naiveFront<T extends Evaluated>(all: readonly T[]): T[] {
  return all.filter((candidate) => !all.some((other) => dominates(other, candidate)));
}
