import { learningRateAt } from '@bespoke/cloud/train/recipe.js';
import { recipeFromPreset, recipePresets } from '@bespoke/cloud/train/recipe-presets.js';
import { recipePresetNames } from '@bespoke/cloud/train/recipe-schema.js';
import { describe, expect, it } from 'vitest';

describe('recipeFromPreset', () => {
  it('makes of the default what studies train by', () => {
    expect(recipeFromPreset('default', {}, 1000)).toEqual({
      seed: 0,
      stepCount: 4000,
      batchSize: 64,
      learningRate: 0.1,
      warmupStepCount: 200,
      momentum: 0.9,
      weightDecay: 4e-5,
      labelSmoothing: 0.1,
      augmentation: { flip: true, cropPaddingPixels: 4, cutoutPixels: 0 },
    });
  });

  it('has the settings of ProxylessNAS', () => {
    expect(recipeFromPreset('proxyless-imagenet', {}, 1_281_167)).toMatchObject({
      stepCount: 1_501_368, // 300 epochs of 5004.6 steps
      batchSize: 256,
      learningRate: 0.05,
      warmupStepCount: 0,
      weightDecay: 4e-5,
      labelSmoothing: 0.1,
      dropout: 0.1,
    });
  });

  it('has the settings of EEEA-Net', () => {
    const recipe = recipeFromPreset('eeea-cifar', {}, 50_000);
    expect(recipe).toMatchObject({
      stepCount: 312_500,
      batchSize: 96,
      learningRate: 0.025,
      weightDecay: 3e-4,
      clipNorm: 5,
      dropPath: 0.2,
      auxiliaryWeight: 0.4,
    });
    expect(recipe.augmentation).toMatchObject({ flip: true, cropPaddingPixels: 4, cutoutPixels: 16 });
    expect(recipe.optimizer).toBeUndefined();
  });

  it('has the settings of AmoebaNet', () => {
    const recipe = recipeFromPreset('gpipe-amoebanet', {}, 32_000);
    expect(recipe).toMatchObject({
      stepCount: 100_000,
      warmupStepCount: 3000,
      optimizer: { kind: 'rmsprop', squareDecay: 0.9, epsilon: 1 },
      stepDecay: { factor: 0.97, everyStepCount: 2400 },
      clipNorm: 10,
      averageDecay: 0.9999,
      dropout: 0.5,
      dropPath: 0.3,
      auxiliaryWeight: 0.4,
    });
    expect(learningRateAt(recipe, 2999)).toBe(0.015);
    expect(learningRateAt(recipe, 4800)).toBeCloseTo(0.015 * 0.97 ** 2, 12);
  });

  it('puts what is said over the preset, key by key', () => {
    const recipe = recipeFromPreset(
      'gpipe-amoebanet',
      {
        seed: 3,
        steps: 10,
        rampSteps: 1,
        optimizer: 'adam',
        epsilon: null,
        averageDecay: null,
        dropout: 0,
        mixupAlpha: 0.2,
        augmentation: { flip: false },
      },
      100,
    );
    expect(recipe).toMatchObject({ seed: 3, stepCount: 10, warmupStepCount: 1 });
    expect(recipe.optimizer).toEqual({ kind: 'adam', squareDecay: 0.9, epsilon: 1e-8 });
    expect(recipe).not.toHaveProperty('averageDecay');
    expect(recipe).not.toHaveProperty('dropout');
    expect(recipe.augmentation).toEqual({ flip: false, cropPaddingPixels: 28, cutoutPixels: 0, mixupAlpha: 0.2 });
    expect(recipeFromPreset('eeea-cifar', { epochs: 2 }, 480).stepCount).toBe(10);
  });

  it('refuses what is out of bounds', () => {
    expect(() => recipeFromPreset('default', { averageDecay: 1 }, 100)).toThrow(/averageDecay/);
  });
});

describe('recipePresets', () => {
  it('are named', () => {
    expect(Object.keys(recipePresets)).toEqual([...recipePresetNames]);
  });
});
