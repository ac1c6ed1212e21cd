import { median, medianInterval, quantile, summarize } from '@bespoke/shared/latency/statistics.js';
import { describe, expect, it } from 'vitest';

const to = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('summarize', () => {
  it('gives order statistics of the samples, in any order', () => {
    expect(summarize([5, 1, 4, 2, 3])).toEqual({
      count: 5,
      medianMs: 3,
      lowMs: 1,
      highMs: 5,
      minMs: 1,
      p5Ms: 1.2,
      p95Ms: 4.8,
      madMs: 1,
    });
  });

  it('is not moved by one wild sample', () => {
    expect(summarize([1, 1, 1, 1, 1000]).medianMs).toBe(1);
  });

  it('refuses no samples and samples that are no time', () => {
    expect(() => summarize([])).toThrowError(expect.objectContaining({ code: 'LATENCY_SAMPLES_EMPTY' }));
    for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => summarize([1, bad])).toThrowError(
        expect.objectContaining({ code: 'LATENCY_SAMPLE_INVALID', details: { index: 1, value: bad } }),
      );
    }
  });
});

describe('median', () => {
  it('is the middle one, or halfway between the middle two', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});

describe('quantile', () => {
  it('interpolates between ranks', () => {
    expect(quantile([10, 20, 30, 40], 0)).toBe(10);
    expect(quantile([10, 20, 30, 40], 0.5)).toBe(25);
    expect(quantile([10, 20, 30, 40], 1)).toBe(40);
  });
});

describe('medianInterval', () => {
  // By ranks: the greatest r with P(binomial(n, 1/2) < r) <= 2.5%, as tables of the sign test give it.
  it.each([
    [6, 1, 6],
    [8, 1, 8],
    [9, 2, 8],
    [10, 2, 9],
    [20, 6, 15],
    [30, 10, 21],
    [40, 14, 27],
    [100, 40, 61],
  ])('of %i samples goes from rank %i to rank %i', (count, low, high) => {
    expect(medianInterval(to(count))).toEqual([low, high]);
  });

  it('takes all there is where there are too few', () => {
    expect(medianInterval([7])).toEqual([7, 7]);
    expect(medianInterval([1, 2, 3])).toEqual([1, 3]);
  });
});
