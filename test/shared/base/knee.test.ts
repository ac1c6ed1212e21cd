import { kneePoints } from '@bespoke/shared/base/knee.js';
import { describe, expect, it } from 'vitest';

describe('kneePoints', () => {
  it('finds where the front bulges, whatever the units, and nothing on the slopes', () => {
    // Depth 1 - t - (1 - t)^3 is greatest at t = 0.42.
    const front = Array.from({ length: 21 }, (_, row) => [row / 20, (1 - row / 20) ** 3]);
    const scaled = front.map(([a, b]) => [a! * 1000 - 7, b! / 50]);
    expect(kneePoints(front)).toEqual([8]);
    expect(kneePoints(scaled)).toEqual([8]);
  });

  it('finds several, the deepest first, one per neighbourhood', () => {
    const front = [
      [0, 12],
      [1, 7],
      [1.5, 6.9],
      [6, 6],
      [6.2, 1.2],
      [12, 0],
    ];
    // Scaled depths: 0, 0.333, 0.3, 0, 0.383, 0. Row 2 is within 0.2 of row 1.
    expect(kneePoints(front)).toEqual([4, 1]);
    expect(kneePoints(front, 0.01)).toEqual([4, 1, 2]);
  });

  it('takes three objectives, and one that is the same for all', () => {
    const front = [
      [0, 1, 1],
      [1, 0, 1],
      [1, 1, 0],
      [0.2, 0.2, 0.2],
    ];
    expect(kneePoints(front)).toEqual([3]);
    expect(
      kneePoints([
        [0, 5, 1],
        [0.1, 5, 0.1],
        [1, 5, 0],
      ]),
    ).toEqual([1]);
  });

  it('gives one point of a front that bulges nowhere, none of an empty one', () => {
    expect(
      kneePoints([
        [0, 1],
        [0.8, 0.8],
        [1, 0],
      ]),
    ).toEqual([0]);
    expect(kneePoints([[3, 3]])).toEqual([0]);
    expect(kneePoints([])).toEqual([]);
  });
});
