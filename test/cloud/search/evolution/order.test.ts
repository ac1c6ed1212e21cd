import { ascendingRows, sortByColumn, sortLexicographically } from '@bespoke/cloud/search/evolution/order.js';
import { pointsOf } from '@bespoke/cloud/search/evolution/points.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectiveCounts, rowsOf } from './arbitrary.js';

const numbers = (count: number) => Uint32Array.from({ length: count }, (_, row) => row);

describe('ascendingRows', () => {
  it('sorts row numbers by a column and keeps ties in order', () => {
    const points = pointsOf(
      [
        [3, 0],
        [1, 1],
        [3, 2],
        [2, 3],
        [1, 4],
      ],
      2,
    );
    expect([...ascendingRows(points, 0)]).toEqual([1, 4, 3, 0, 2]);
  });

  it('agrees with the language, for runs of any number', () => {
    const column = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 100 });
    fc.assert(
      fc.property(column, (values) => {
        const points = pointsOf(
          values.map((value) => [0, value]),
          2,
        );
        const expected = values.map((_, row) => row).sort((a, b) => values[a]! - values[b]! || a - b);
        expect([...ascendingRows(points, 1)]).toEqual(expected);
      }),
    );
  });
});

describe('sortByColumn', () => {
  it('sorts a part of the rows and leaves the others', () => {
    const rows = Uint32Array.of(0, 1, 2, 3, 4);
    sortByColumn(
      rows,
      pointsOf(
        [
          [5, 0],
          [4, 0],
          [3, 0],
          [2, 0],
          [1, 0],
        ],
        2,
      ),
      0,
      1,
      4,
    );
    expect([...rows]).toEqual([0, 3, 2, 1, 4]);
  });
});

describe('sortLexicographically', () => {
  it('sorts by the first column, then the second, and so on', () => {
    fc.assert(
      fc.property(
        objectiveCounts.chain((count) => fc.tuple(fc.constant(count), rowsOf(count, 60, 2))),
        ([count, table]) => {
          const rows = numbers(table.length);
          sortLexicographically(rows, pointsOf(table, count));
          const expected = [...numbers(table.length)].sort((a, b) => {
            const column = table[a]!.findIndex((value, index) => value !== table[b]![index]);
            return column < 0 ? a - b : table[a]![column]! - table[b]![column]!;
          });
          expect([...rows]).toEqual(expected);
        },
      ),
    );
  });
});
