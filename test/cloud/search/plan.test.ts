import { planSearch, planTraining } from '@bespoke/cloud/search/plan.js';
import { proxylessSettings, supernetRecipe, trainRecipe } from '@bespoke/cloud/search/settings.js';
import { resolveSpec } from '@bespoke/cloud/search/spec.js';
import { describe, expect, it } from 'vitest';

const planned = resolveSpec({ version: 1, minutes: 10, search: { mode: 'two', architectureEvery: 2 } });
const times = { remainingMs: 500_000, reservedMs: 20_000, weightStepMs: 150, gateStepMs: 100 };

describe('planSearch', () => {
  it('fills its share of the time with warm-up and joint phase', () => {
    // 0.4 * 480 s / (150 ms + 0.7 * 100 ms / 2) = 1037.8 steps
    expect(planSearch(planned, times)).toEqual({ stepCount: 1037, warmupStepCount: 311 });
  });

  it('keeps steps that are given', () => {
    const spec = resolveSpec({ version: 1, minutes: 10, search: { steps: 300, warmupSteps: 50 } });
    expect(planSearch(spec, times)).toEqual({ stepCount: 300, warmupStepCount: 50 });
  });

  it('says how many minutes it takes where they are too few', () => {
    const spec = resolveSpec({ version: 1, minutes: 1 });
    expect(() => planSearch(spec, { ...times, remainingMs: 21_000 })).toThrow(
      'expected time for a search and a training, but 1 min are too few: allow at least 1.3 min',
    );
  });
});

describe('planTraining', () => {
  it('takes all that is left', () => {
    expect(
      planTraining(planned, { sampleCount: 1000, remainingMs: 300_000, reservedMs: 20_000, trainStepMs: 160 }),
    ).toBe(1750);
  });
});

describe('proxylessSettings', () => {
  it('gives short searches a larger architecture learning rate, within the limits', () => {
    const rate = (stepCount: number) =>
      proxylessSettings(planned, { stepCount, warmupStepCount: 0 }).architectureLearningRate;
    expect(rate(100)).toBe(0.1);
    expect(rate(1000)).toBeCloseTo(15 / 500, 12);
    expect(rate(100_000)).toBe(0.006);
  });
});

describe('supernetRecipe', () => {
  it('ramps the learning rate up in a twentieth of the steps', () => {
    expect(supernetRecipe(planned, { stepCount: 1037, warmupStepCount: 311 })).toEqual({
      seed: 0,
      stepCount: 1037,
      batchSize: 64,
      learningRate: 0.05,
      warmupStepCount: 52,
      momentum: 0.9,
      weightDecay: 4e-5,
      labelSmoothing: 0,
      augmentation: { flip: true, cropPaddingPixels: 2, cutoutPixels: 0 },
      shareWeights: true,
    });
  });
});

describe('planTraining: epochs', () => {
  it('come to steps by the samples that there are, whatever the minutes', () => {
    const spec = resolveSpec({ version: 1, minutes: 1, train: { epochs: 3, batchSize: 100 } });
    expect(planTraining(spec, { sampleCount: 1000, remainingMs: 1, reservedMs: 0, trainStepMs: 160 })).toBe(30);
    const both = resolveSpec({ version: 1, train: { epochs: 3, steps: 7 } });
    expect(planTraining(both, { sampleCount: 1000, remainingMs: 1, reservedMs: 0, trainStepMs: 160 })).toBe(7);
  });
});

describe('trainRecipe', () => {
  it('takes the ramp that is given', () => {
    const spec = resolveSpec({ version: 1, train: { rampSteps: 10 } });
    expect(trainRecipe(spec, 200, 1000)).toMatchObject({ stepCount: 200, warmupStepCount: 10, labelSmoothing: 0.1 });
  });
});
