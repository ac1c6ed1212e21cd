import { agreeing, isSettled, once } from '@bespoke/cloud/fleet/campaign.js';
import { describe, expect, it } from 'vitest';

const readings = (...all: readonly (readonly [medianMs: number, slowness: number])[]) =>
  all.map(([medianMs, slowness]) => ({ medianMs, slowness }));

describe('isSettled', () => {
  it('asks one measurement for the one, two that agree for the other, and gives up at the most', () => {
    expect([[], [[2, 1.9]]].map((all) => isSettled(readings(...(all as [])), once))).toEqual([false, true]);
    expect(isSettled(readings([2, 1]), agreeing)).toBe(false);
    expect(isSettled(readings([2, 1], [2.09, 1]), agreeing)).toBe(true);
    expect(isSettled(readings([2, 1], [2.11, 1]), agreeing)).toBe(false);
    expect(isSettled(readings([2, 1], [3, 1], [4, 1], [5, 1], [6, 1]), agreeing)).toBe(true);
  });

  it('asks for one more where the device was slowed much at the quietest, which the first is', () => {
    expect(isSettled(readings([2, 1.21], [2, 1.3]), agreeing)).toBe(false);
    expect(isSettled(readings([2, 1.21], [2, 1.3], [2, 1.3]), agreeing)).toBe(true);
    expect(isSettled(readings([2, 1.2], [2, 1.3]), agreeing)).toBe(true);
    // Told 6% apart: less than what is not known of what was taken out.
    expect(isSettled(readings([2.12, 1], [2, 1.5]), agreeing)).toBe(true);
  });
});
