import { dominates } from '@bespoke/cloud/search/evolution/dominance.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluatedOf, objectiveCounts } from './arbitrary.js';

const feasible = (...objectives: number[]) => ({ objectives, violation: 0 });
const broken = (violation: number, ...objectives: number[]) => ({ objectives, violation });

describe('dominates', () => {
  it.each([
    ['better in one, equal in the others', feasible(1, 2, 3), feasible(1, 2, 4), true],
    ['equal in all', feasible(1, 2), feasible(1, 2), false],
    ['worse in one', feasible(0, 0, 9), feasible(1, 1, 8), false],
    ['feasible against infeasible, whatever the objectives', feasible(9, 9), broken(0.1, 0, 0), true],
    ['infeasible against feasible', broken(0.1, 0, 0), feasible(9, 9), false],
    ['of two infeasible the one that breaks less', broken(1, 9, 9), broken(2, 0, 0), true],
    ['of two infeasible that break as much, neither', broken(1, 0, 0), broken(1, 9, 9), false],
  ])('knows %s', (_, a, b, expected) => {
    expect(dominates(a, b)).toBe(expected);
  });

  it('is a strict order', () => {
    const individuals = objectiveCounts.chain((count) => evaluatedOf(count, 6));
    fc.assert(
      fc.property(individuals, (all) => {
        for (const a of all) {
          expect(dominates(a, a)).toBe(false);
          for (const b of all) {
            if (!dominates(a, b)) continue;
            expect(dominates(b, a)).toBe(false);
            for (const c of all) if (dominates(b, c)) expect(dominates(a, c)).toBe(true);
          }
        }
      }),
    );
  });
});
