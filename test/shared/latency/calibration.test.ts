import {
  type CalibrationSample,
  fitCalibration,
  judge,
  predictMs,
  spearman,
} from '@bespoke/shared/latency/calibration.js';
import { describe, expect, it } from 'vitest';

/** Networks whose whole latency is 1.25 x sum - 0.02 ms x count. */
const exact = (
  [
    [1, 9],
    [2, 10],
    [1.5, 12],
    [3, 11],
    [2.5, 8],
    [4, 12],
    [1.2, 10],
    [3.3, 9],
  ] as const
).map(([sumMs, count]): CalibrationSample => ({ sumMs, count, measuredMs: 1.25 * sumMs - 0.02 * count }));

describe('fitCalibration', () => {
  it('finds factor and time per piece', () => {
    const { factor, perPieceMs } = fitCalibration(exact);
    expect(factor).toBeCloseTo(1.25, 9);
    expect(perPieceMs).toBeCloseTo(-0.02, 9);
  });

  it('is hardly moved by one disturbed network', () => {
    const disturbed = exact.map((sample, index) =>
      index === 3 ? { ...sample, measuredMs: 3 * sample.measuredMs } : sample,
    );
    const { factor, perPieceMs } = fitCalibration(disturbed);
    expect(factor).toBeCloseTo(1.25, 2);
    expect(perPieceMs).toBeCloseTo(-0.02, 2);
  });

  it('takes the median ratio alone where the networks are few', () => {
    const samples = [1.1, 1.2, 9].map((measuredMs) => ({ sumMs: 1, count: 5, measuredMs }));
    expect(fitCalibration(samples)).toEqual({ factor: 1.2, perPieceMs: 0 });
  });

  it('takes the median ratio alone where sums and counts go together', () => {
    const samples = [1, 2, 3, 4, 5, 6, 7].map((count) => ({ sumMs: 2 * count, count, measuredMs: 3 * count }));
    expect(fitCalibration(samples)).toEqual({ factor: 1.5, perPieceMs: 0 });
  });
});

describe('predictMs', () => {
  it('adds a time per piece to the scaled sum', () => {
    expect(predictMs({ factor: 2, perPieceMs: -0.5 }, { sumMs: 3, count: 4 })).toBe(4);
  });
});

describe('judge', () => {
  it('gives errors, order and the share within 10%', () => {
    const points = [
      { predictedMs: 1, measuredMs: 1 },
      { predictedMs: 2.1, measuredMs: 2 },
      { predictedMs: 5, measuredMs: 4 },
    ];
    const error = judge(points);
    expect(error).toMatchObject({ count: 3, worstError: 0.25, spearman: 1 });
    expect(error.meanError).toBeCloseTo(0.1, 12);
    expect(error.within10Share).toBeCloseTo(2 / 3, 12);
  });
});

describe('spearman', () => {
  it('sees order alone', () => {
    expect(spearman([1, 2, 3], [10, 11, 1000])).toBe(1);
    expect(spearman([1, 2, 3], [3, 2, 1])).toBe(-1);
  });

  it('gives equal values the mean of their ranks', () => {
    expect(spearman([1, 1, 2, 3], [1, 2, 3, 4])).toBeCloseTo(0.9487, 4);
    expect(spearman([1, 1], [1, 2])).toBe(0);
  });
});
