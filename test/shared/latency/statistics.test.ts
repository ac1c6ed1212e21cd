import { randomStream } from '@bespoke/shared/base/random.js';
import { median, medianInterval, quantile, summarize, summarizePasses } from '@bespoke/shared/latency/statistics.js';
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
      mildOutlierCount: 0,
      severeOutlierCount: 0,
    });
  });

  it('is not moved by one wild sample', () => {
    expect(summarize([1, 1, 1, 1, 1000]).medianMs).toBe(1);
  });

  it("counts outliers by Tukey's fences and keeps them", () => {
    // Quartiles 10 and 12: fences at 7 and 15, and at 4 and 18.
    const bulk = [10, 10, 10, 11, 11, 12, 12];
    expect(summarize([...bulk, 15, 15])).toMatchObject({ mildOutlierCount: 0, severeOutlierCount: 0 });
    expect(summarize([...bulk, 16, 19])).toMatchObject({ mildOutlierCount: 1, severeOutlierCount: 1, count: 9 });
    expect(summarize([3, 10, ...bulk.slice(1), 12.5])).toMatchObject({ severeOutlierCount: 1, minMs: 3 });
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

describe('summarizePasses', () => {
  const pass = (counted: boolean, ...samplesMs: number[]) => ({ counted, samplesMs, slowness: 1 });

  it('is the summary of the samples that count', () => {
    const passes = [pass(false, 9, 9, 9), pass(true, 1, 2, 3), pass(true, 1, 2, 3)];
    expect(summarizePasses(passes)).toMatchObject({ medianMs: 2, count: 6, minMs: 1 });
  });

  it('reaches three times as far as the third quietest pass lies from the quietest, and 1%', () => {
    const passes = [pass(false, 5), pass(true, 2, 2, 2), pass(false, 2.5), pass(true, 2, 2, 2)];
    expect(summarizePasses(passes)).toMatchObject({ medianMs: 2, lowMs: 0.48, highMs: 3.52 });
  });

  it('reaches further by 3% and a tenth of the logarithm where something was taken out for a slow device', () => {
    const { lowMs, medianMs, highMs } = summarizePasses([{ ...pass(true, 2, 2, 2), slowness: Math.E }]);
    expect([lowMs, medianMs, highMs]).toEqual([1.74, 2, 2.26]);
  });

  it('goes by passes that took the least time, not by those of which the most was taken out', () => {
    const passes = [{ ...pass(false, 1.5), slowness: 1.6 }, pass(true, 2), pass(true, 2.02), pass(false, 2.03)];
    expect(summarizePasses(passes)).toMatchObject({
      lowMs: expect.closeTo(2.01 - 0.09 - 0.0201, 9),
      highMs: expect.closeTo(2.01 + 0.09 + 0.0201, 9),
    });
  });

  it('never reaches less far than the ranks of the samples, nor below zero', () => {
    const alone = [pass(true, 1, 2, 3, 4, 5, 6, 7, 8)];
    expect(summarizePasses(alone)).toMatchObject({ lowMs: 1, highMs: 8 });
    expect(summarizePasses([pass(true, 1), pass(true, 1), pass(false, 9)])).toMatchObject({ lowMs: 0, highMs: 25.01 });
  });

  it('holds the long-run median in at least 90% of measurements whose passes differ, where ranks alone hold far less', () => {
    const stream = randomStream(1, 'passes');
    // A pass is some share slower than the floor, by its place in memory and its neighbours; samples vary a little in it.
    const measurement = () =>
      Array.from({ length: 5 }, () => {
        const floorMs = 1 + 0.01 * Math.abs(stream.normal());
        return Array.from({ length: 25 }, () => floorMs * (1 + 0.005 * Math.abs(stream.normal())));
      })
        .sort((a, b) => median(a) - median(b))
        .map((samplesMs, index) => pass(index < 2, ...samplesMs));
    const measurements = Array.from({ length: 400 }, measurement);
    const longRunMs = median(measurements.map((passes) => summarizePasses(passes).medianMs));
    const share = (intervalOf: (passes: (typeof measurements)[0]) => { lowMs: number; highMs: number }) => {
      const holds = ({ lowMs, highMs }: { lowMs: number; highMs: number }) => lowMs <= longRunMs && longRunMs <= highMs;
      return measurements.filter((passes) => holds(intervalOf(passes))).length / measurements.length;
    };
    expect(share(summarizePasses)).toBeGreaterThanOrEqual(0.9);
    const counted = (passes: (typeof measurements)[0]) => passes.slice(0, 2).flatMap(({ samplesMs }) => samplesMs);
    expect(share((passes) => summarize(counted(passes)))).toBeLessThan(0.8);
  });
});
