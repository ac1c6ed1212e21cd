import { hypervolume } from '@bespoke/cloud/search/evolution/hypervolume.js';
import { pointsOf } from '@bespoke/cloud/search/evolution/points.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectiveCounts, rowsOf } from './arbitrary.js';

/** The volume of a union of boxes: sizes of all intersections, added where odd in number, subtracted where even. */
function byInclusionExclusion(rows: readonly (readonly number[])[], reference: readonly number[]): number {
  let total = 0;
  for (let subset = 1; subset < 1 << rows.length; subset++) {
    const chosen = rows.filter((_, row) => subset & (1 << row));
    const sizes = reference.map((limit, index) => limit - Math.max(...chosen.map((row) => row[index]!)));
    const size = sizes.reduce((product, side) => product * Math.max(0, side), 1);
    total += chosen.length % 2 ? size : -size;
  }
  return total;
}

describe('hypervolume', () => {
  it('adds up steps in the plane', () => {
    expect(
      hypervolume(
        pointsOf(
          [
            [2, 2],
            [3, 1],
            [1, 3],
          ],
          2,
        ),
        [4, 4],
      ),
    ).toBe(6);
  });

  // Each point alone takes 2, and any number of them share a cube of 1.
  it.each([
    [
      2,
      [
        [0, 1],
        [1, 0],
      ],
      3,
    ],
    [
      3,
      [
        [0, 1, 1],
        [1, 0, 1],
        [1, 1, 0],
      ],
      4,
    ],
    [
      4,
      [
        [0, 1, 1, 1],
        [1, 0, 1, 1],
        [1, 1, 0, 1],
        [1, 1, 1, 0],
      ],
      5,
    ],
  ] as const)('takes what %d points share once', (objectiveCount, rows, expected) => {
    expect(hypervolume(pointsOf(rows, objectiveCount), new Array(objectiveCount).fill(2))).toBe(expected);
  });

  it('counts nothing that is not below the reference, and nothing of no points', () => {
    expect(
      hypervolume(
        pointsOf(
          [
            [1, 1, 4],
            [5, 0, 0],
          ],
          3,
        ),
        [4, 4, 4],
      ),
    ).toBe(0);
    expect(hypervolume(pointsOf([], 4), [1, 1, 1, 1])).toBe(0);
  });

  it('agrees with inclusion and exclusion, dominated and equal points included', () => {
    const fronts = objectiveCounts.chain((count) => fc.tuple(fc.constant(count), rowsOf(count, 9)));
    fc.assert(
      fc.property(fronts, ([count, rows]) => {
        const reference = [4.5, 5, 5.5, 4].slice(0, count);
        const expected = byInclusionExclusion(rows, reference);
        expect(Math.abs(hypervolume(pointsOf(rows, count), reference) - expected)).toBeLessThanOrEqual(1e-9);
      }),
      { numRuns: 300 },
    );
  });

  it('agrees with counting cells on many points', () => {
    const fronts = objectiveCounts.chain((count) => fc.tuple(fc.constant(count), rowsOf(count, 60).map(floored)));
    fc.assert(
      fc.property(fronts, ([count, rows]) => {
        const cells = cellsBelow(count, 5);
        const covered = cells.filter((cell) => rows.some((row) => row.every((value, index) => value <= cell[index]!)));
        expect(hypervolume(pointsOf(rows, count), new Array(count).fill(5))).toBeCloseTo(covered.length, 9);
      }),
    );
  });
});

const floored = (rows: readonly (readonly number[])[]) => rows.map((row) => row.map(Math.floor));

/** The lower corners of all cells of size 1 below `side` in every objective. */
function cellsBelow(objectiveCount: number, side: number): number[][] {
  const numbers = Array.from({ length: side }, (_, index) => index);
  let cells: number[][] = [[]];
  for (let index = 0; index < objectiveCount; index++) {
    cells = cells.flatMap((cell) => numbers.map((number) => [...cell, number]));
  }
  return cells;
}
