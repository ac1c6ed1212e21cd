import { crowdingDistances, leastCrowded } from '@bespoke/cloud/search/evolution/crowding.js';
import { pointsOf } from '@bespoke/cloud/search/evolution/points.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const all = (count: number) => Uint32Array.from({ length: count }, (_, row) => row);
const line = (...xs: number[]) =>
  pointsOf(
    xs.map((x) => [x, 10 - x]),
    2,
  );

const close = (got: Float64Array, expected: readonly number[]) => {
  expect([...got].map((value) => Number(value.toFixed(9)))).toEqual(expected);
};

describe('crowdingDistances', () => {
  it('adds up the room in every objective, in ranges of the front', () => {
    const points = pointsOf(
      [
        [6, 1],
        [0, 10],
        [2, 5],
        [10, 0],
        [1, 6],
      ],
      2,
    );
    close(crowdingDistances(points, all(5)), [1.3, Infinity, 1, Infinity, 0.7]);
  });

  it('counts four objectives', () => {
    const points = pointsOf(
      [
        [0, 0, 0, 8],
        [2, 1, 4, 4],
        [4, 4, 8, 0],
      ],
      4,
    );
    close(crowdingDistances(points, all(3)), [Infinity, 4, Infinity]);
  });

  it('looks at the front alone and keeps its order', () => {
    const points = pointsOf(
      [
        [5, 5],
        [6, 1],
        [0, 10],
        [2, 5],
        [10, 0],
        [1, 6],
      ],
      2,
    );
    close(crowdingDistances(points, Uint32Array.of(5, 4, 3, 2, 1)), [0.7, Infinity, 1, Infinity, 1.3]);
  });

  it('gives all room to a member that is alone', () => {
    close(crowdingDistances(pointsOf([[3, 3]], 2), all(1)), [Infinity]);
  });

  it('leaves out an objective that is the same for all', () => {
    const points = pointsOf(
      [
        [0, 7, 4],
        [1, 7, 3],
        [4, 7, 0],
      ],
      3,
    );
    close(crowdingDistances(points, all(3)), [Infinity, 2, Infinity]);
    close(
      crowdingDistances(
        pointsOf(
          [
            [3, 3],
            [3, 3],
            [3, 3],
          ],
          2,
        ),
        all(3),
      ),
      [0, 0, 0],
    );
  });
});

describe('leastCrowded', () => {
  // Room x 10/2: 3.2, 2, 3.8, 5. Deb's way takes the two least at once, 3.2 and 3, and leaves a hole from 0 to 5.
  it('removes one at a time, so that of two neighbours one stays', () => {
    const points = line(0, 3, 3.2, 5, 7, 10);
    expect([...leastCrowded(points, all(6), 4)]).toEqual([0, 1, 4, 5]);
  });

  it('removes a duplicate before anything else', () => {
    expect([...leastCrowded(line(0, 5, 1, 5, 10), all(5), 4)]).toEqual([0, 2, 3, 4]);
  });

  it('keeps the ends of every objective, in the order of the front', () => {
    const xs = fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 30 });
    fc.assert(
      fc.property(xs, fc.integer({ min: 2, max: 30 }), (values, count) => {
        const kept = [...leastCrowded(line(...values), all(values.length), Math.min(count, values.length))];
        expect(kept).toHaveLength(Math.min(count, values.length));
        expect(kept).toEqual(kept.toSorted((a, b) => a - b));
        expect(kept).toContain(values.indexOf(Math.min(...values)));
        expect(kept).toContain(values.indexOf(Math.max(...values)));
      }),
    );
  });
});
