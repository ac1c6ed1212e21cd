import {
  expectedLatencyMs,
  type LatencyLoss,
  latencyLossGradient,
  latencyLossValue,
  nextMultiplier,
} from '@bespoke/cloud/search/proxyless/latency-loss.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const losses: readonly LatencyLoss[] = [
  { kind: 'lagrangian', damping: 4, ascent: 0.1 },
  { kind: 'hinge', weight: 0.3 },
  { kind: 'linear', weight: 0.1 },
  { kind: 'none' },
];
const alphas = [[0.1, -0.2, 0.3], [0.5, 0], [1]];
/** The last candidate of the first slot is Zero. */
const latencyMs = [[2, 3, 0], [1, 4], [0.5]];

describe('latencyLossGradient', () => {
  it.each(losses)('is the derivative of the value to 1e-6, for every candidate, Zero included ($kind)', (loss) => {
    for (const [budgetMs, multiplier] of [
      [3, 0],
      [3, 0.7],
      [20, 0.7],
    ] as const) {
      const valueAt = (moved: number[][]) =>
        latencyLossValue(loss, expectedLatencyMs(moved, latencyMs, 0.25) / budgetMs, multiplier);
      const gradient = latencyLossGradient(loss, alphas, latencyMs, 0.25, budgetMs, multiplier);
      alphas.forEach((slot, i) => {
        slot.forEach((_, j) => {
          const shifted = (by: number) =>
            alphas.map((row, k) => row.map((alpha, l) => alpha + (k === i && l === j ? by : 0)));
          const numeric = (valueAt(shifted(1e-5)) - valueAt(shifted(-1e-5))) / 2e-5;
          expect(Math.abs(gradient[i]![j]! - numeric)).toBeLessThanOrEqual(1e-6);
        });
      });
    }
  });

  it('pulls towards Zero when over budget, and gives a fixed slot nothing', () => {
    const gradient = latencyLossGradient({ kind: 'linear', weight: 0.1 }, alphas, latencyMs, 0, 3, 0);
    expect(gradient[0]![2]!).toBeLessThan(0);
    expect(gradient[0]![1]!).toBeGreaterThan(0);
    expect(gradient[2]).toEqual([0]);
  });

  it.each(losses)('does not change with the unit of time ($kind)', (loss) => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (unit) => {
        const scaled = latencyMs.map((row) => row.map((ms) => ms * unit));
        const expected = latencyLossGradient(loss, alphas, latencyMs, 0.25, 3, 0.4).flat();
        const got = latencyLossGradient(loss, alphas, scaled, 0.25 * unit, 3 * unit, 0.4).flat();
        got.forEach((value, index) => {
          expect(Math.abs(value - expected[index]!)).toBeLessThanOrEqual(1e-12);
        });
      }),
    );
  });

  it.each(losses)('is finite for expected latencies from 1 us to 10 s ($kind)', (loss) => {
    const ms = fc.double({ min: Math.log(1e-3), max: Math.log(1e4), noNaN: true }).map(Math.exp);
    fc.assert(
      fc.property(ms, ms, ms, (first, second, budgetMs) => {
        const prices = [[first, second]];
        const slope = latencyLossGradient(loss, [[0.3, -0.1]], prices, 0, budgetMs, 0.5).flat();
        const value = latencyLossValue(loss, expectedLatencyMs([[0.3, -0.1]], prices, 0) / budgetMs, 0.5);
        expect([value, ...slope].every(Number.isFinite)).toBe(true);
      }),
    );
  });
});

describe('nextMultiplier', () => {
  it('rises over budget, falls under it, and never below 0', () => {
    const loss = losses[0]!;
    expect(nextMultiplier(loss, 1.5, 0.2)).toBeCloseTo(0.25, 12);
    expect(nextMultiplier(loss, 0.5, 0.2)).toBeCloseTo(0.15, 12);
    expect(nextMultiplier(loss, 0.5, 0.01)).toBe(0);
    expect(nextMultiplier({ kind: 'linear', weight: 1 }, 5, 0.2)).toBe(0.2);
  });
});
