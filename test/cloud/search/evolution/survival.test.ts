import { emptyPopulation, survive } from '@bespoke/cloud/search/evolution/survival.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluatedOf, naiveFront, objectiveCounts } from './arbitrary.js';

const at = (name: string, objectives: number[], violation = 0) => ({ name, objectives, violation });

describe('survive', () => {
  it('takes whole fronts, then the least crowded of the last one', () => {
    const pool = [
      at('dominated by all but one', [9, 9]),
      at('left end', [0, 5]),
      at('crowded', [1, 4]),
      at('in the middle', [2.5, 2.5]),
      at('right end', [5, 0]),
      at('infeasible', [0, 0], 1),
    ];
    const { members, ranks, crowding } = survive(pool, 3, 2);
    expect(members.map(({ name }) => name)).toEqual(['left end', 'in the middle', 'right end']);
    expect(ranks).toEqual([0, 0, 0]);
    expect(crowding).toEqual([Infinity, 2, Infinity]);

    const all = survive(pool, 6, 2);
    expect(all.ranks).toEqual([0, 0, 0, 0, 1, 2]);
    expect(all.members.map(({ name }) => name).slice(4)).toEqual(['dominated by all but one', 'infeasible']);
  });

  it('leaves nothing of nothing', () => {
    expect(survive([], 3, 2)).toEqual(emptyPopulation);
  });

  it('lets nobody live whom somebody that died dominates', () => {
    const pools = objectiveCounts.chain((count) => fc.tuple(fc.constant(count), evaluatedOf(count, 30)));
    fc.assert(
      fc.property(pools, fc.integer({ min: 1, max: 12 }), ([count, pool], size) => {
        const { members, ranks } = survive(pool, size, count);
        expect(members).toHaveLength(Math.min(size, pool.length));
        expect(new Set(members).size).toBe(members.length);
        const front = naiveFront(pool);
        const living = members.filter((member) => front.includes(member));
        expect(living).toHaveLength(Math.min(size, front.length));
        expect(ranks.filter((rank) => rank === 0)).toHaveLength(living.length);
      }),
    );
  });
});
