import { adamDefaults, adamState, adamStepSize } from '@bespoke/cloud/search/proxyless/adam.js';
import { describe, expect, it } from 'vitest';

describe('adamStepSize', () => {
  it('moves a parameter by the learning rate in its first step, whatever the gradient', () => {
    const state = adamState(2);
    expect(adamStepSize(state, 0, 0.25, adamDefaults) * 0.25).toBeCloseTo(1e-3, 9);
    expect(adamStepSize(state, 1, -40, adamDefaults) * -40).toBeCloseTo(-1e-3, 9);
  });

  it('divides by the root of the bias-corrected mean of squares in later steps', () => {
    const state = adamState(1);
    adamStepSize(state, 0, 3, adamDefaults);
    const size = adamStepSize(state, 0, 1, adamDefaults);
    const mean = (0.999 * 0.001 * 9 + 0.001 * 1) / (1 - 0.999 ** 2);
    expect(size).toBeCloseTo(1e-3 / Math.sqrt(mean), 9);
  });

  it('leaves the moments of untouched parameters alone', () => {
    const state = adamState(3);
    adamStepSize(state, 1, 2, adamDefaults);
    expect(state.stepCounts).toEqual([0, 1, 0]);
    expect([state.secondMoments[0], state.secondMoments[2]]).toEqual([0, 0]);
  });
});
