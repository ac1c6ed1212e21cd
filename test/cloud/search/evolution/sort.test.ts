import { dominates, type Evaluated } from '@bespoke/cloud/search/evolution/dominance.js';
import { type ObjectiveCount, pointsOf } from '@bespoke/cloud/search/evolution/points.js';
import { frontRanks, frontsOf } from '@bespoke/cloud/search/evolution/sort.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluatedOf, objectiveCounts } from './arbitrary.js';

const ranksOf = (all: readonly Evaluated[], objectiveCount: ObjectiveCount) => [
  ...frontRanks(
    pointsOf(
      all.map(({ objectives }) => objectives),
      objectiveCount,
    ),
    Float64Array.from(all, ({ violation }) => violation),
  ),
];

/** Takes the non-dominated off, front by front, comparing each with each. */
function naiveRanks(all: readonly Evaluated[]): number[] {
  const ranks = all.map(() => -1);
  for (let rank = 0; ranks.includes(-1); rank++) {
    const left = ranks.flatMap((known, index) => (known < 0 ? [index] : []));
    const front = left.filter((index) => !left.some((other) => dominates(all[other]!, all[index]!)));
    for (const index of front) ranks[index] = rank;
  }
  return ranks;
}

describe('frontRanks', () => {
  it('ranks two objectives', () => {
    const points = pointsOf(
      [
        [1, 5],
        [2, 3],
        [4, 1],
        [2, 5],
        [3, 4],
        [4, 4],
        [1, 5],
      ],
      2,
    );
    expect([...frontRanks(points)]).toEqual([0, 0, 0, 1, 1, 2, 0]);
  });

  it('ranks four objectives by all of them', () => {
    const points = pointsOf(
      [
        [10, 2, 9, 9],
        [10, 2.1, 1, 1],
        [10, 2.1, 9, 9],
        [11, 2.1, 9, 9],
      ],
      4,
    );
    expect([...frontRanks(points)]).toEqual([0, 0, 1, 2]);
  });

  it('puts the infeasible behind all feasible, by violation, equal ones together', () => {
    const points = pointsOf(
      [
        [9, 9],
        [0, 0],
        [1, 1],
        [8, 8],
        [0, 1],
      ],
      2,
    );
    expect([...frontRanks(points, Float64Array.of(0, 2, 0.5, 0, 2))]).toEqual([1, 3, 2, 0, 3]);
  });

  it('gives no ranks to no points', () => {
    expect([...frontRanks(pointsOf([], 3))]).toEqual([]);
  });

  it('agrees with comparing each with each, duplicates, ties and violations included', () => {
    const pools = objectiveCounts.chain((count) => fc.tuple(fc.constant(count), evaluatedOf(count, 50)));
    fc.assert(
      fc.property(pools, ([count, all]) => {
        expect(ranksOf(all, count)).toEqual(naiveRanks(all));
      }),
      { numRuns: 300 },
    );
  });
});

describe('frontsOf', () => {
  it('lists the rows of each front, ascending', () => {
    const fronts = frontsOf(Uint32Array.of(1, 0, 2, 0, 1));
    expect(fronts.map((front) => [...front])).toEqual([[1, 3], [0, 4], [2]]);
  });
});
