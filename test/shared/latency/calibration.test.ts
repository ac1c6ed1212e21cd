import {
  type CalibrationSample,
  fitCalibration,
  judge,
  predictMs,
  spearman,
} from '@bespoke/shared/latency/calibration.js';
import { median } from '@bespoke/shared/latency/statistics.js';
import { describe, expect, it } from 'vitest';

/** Networks whose whole latency is 1.25 x sum - 0.02 ms x count - 0.1 ms x MiB. */
const exact = (
  [
    [1, 9, 0.5],
    [2, 10, 1.5],
    [1.5, 12, 0.75],
    [3, 11, 1],
    [2.5, 8, 2],
    [4, 12, 1.25],
    [1.2, 10, 0.5],
    [3.3, 9, 2.5],
    [1.7, 11, 1],
    [2.2, 9, 0.25],
    [2.8, 12, 1.75],
    [3.6, 8, 1.5],
  ] as const
).map(([sumMs, count, inputMiB]): CalibrationSample => {
  return { sumMs, count, inputMiB, measuredMs: 1.25 * sumMs - 0.02 * count - 0.1 * inputMiB };
});

/** Their calibration, to so many digits. */
const within = (digits: number) => ({
  factor: expect.closeTo(1.25, digits),
  perPieceMs: expect.closeTo(-0.02, digits),
  perInputMiBMs: expect.closeTo(-0.1, digits),
});

describe('fitCalibration', () => {
  it('finds factor, time per piece and time per MiB', () => {
    expect(fitCalibration(exact)).toEqual(within(9));
  });

  it('is hardly moved by one disturbed network', () => {
    const disturbed = exact.map((sample, index) =>
      index === 3 ? { ...sample, measuredMs: 3 * sample.measuredMs } : sample,
    );
    expect(fitCalibration(disturbed)).toEqual(within(2));
  });

  it('takes the median ratio alone of five networks, a time per piece from six on, and one per MiB from twelve', () => {
    const fitOf = (networkCount: number, perInputMiBMs = 0) =>
      fitCalibration(
        exact.slice(0, networkCount).map((sample) => {
          return { ...sample, measuredMs: 1.25 * sample.sumMs - 0.02 * sample.count + perInputMiBMs * sample.inputMiB };
        }),
      );
    const ratios = exact.slice(0, 5).map(({ sumMs, count }) => 1.25 - (0.02 * count) / sumMs);
    expect(fitOf(5)).toEqual({ factor: expect.closeTo(median(ratios), 9), perPieceMs: 0, perInputMiBMs: 0 });
    for (const networkCount of [6, 11])
      expect(fitOf(networkCount)).toEqual({
        factor: expect.closeTo(1.25, 9),
        perPieceMs: expect.closeTo(-0.02, 9),
        perInputMiBMs: 0,
      });
    expect(fitOf(11, -0.1).perInputMiBMs).toBe(0);
    expect(fitOf(12, -0.1).perInputMiBMs).toBeCloseTo(-0.1, 9);
  });

  it('leaves out what goes together with what comes before it', () => {
    const samples = exact.map(({ sumMs, count }) => ({
      sumMs,
      count,
      inputMiB: 2 * sumMs,
      measuredMs: 3 * sumMs + count,
    }));
    expect(fitCalibration(samples)).toEqual({
      factor: expect.closeTo(3, 9),
      perPieceMs: expect.closeTo(1, 9),
      perInputMiBMs: 0,
    });
  });
});

describe('predictMs', () => {
  it('adds times per piece and per MiB to the scaled sum', () => {
    const sum = { sumMs: 3, count: 4, inputMiB: 2 };
    expect(predictMs({ factor: 2, perPieceMs: -0.5, perInputMiBMs: 0.25 }, sum)).toBe(4.5);
    expect(predictMs({ factor: 2, perPieceMs: -0.5 }, sum)).toBe(4); // as kept by a version before
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
