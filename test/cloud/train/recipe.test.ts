import { learningRateAt } from '@bespoke/cloud/train/recipe.js';
import { describe, expect, it } from 'vitest';
import { tinyRecipe } from './tfjs/tiny.js';

const recipe = { ...tinyRecipe, stepCount: 24, learningRate: 0.8, warmupStepCount: 4 };
const rates = (more: object, ...steps: readonly number[]) =>
  steps.map((step) => Math.round(learningRateAt({ ...recipe, ...more }, step) * 1e6) / 1e6);

describe('learningRateAt', () => {
  it('rises linearly, then falls along a half cosine', () => {
    expect(rates({}, 0, 1, 3, 4, 14)).toEqual([0.2, 0.4, 0.8, 0.8, 0.4]);
    expect(learningRateAt(recipe, 23)).toBeLessThan(0.01);
  });

  it('falls in steps where the recipe says so, counted from the first step', () => {
    const stepDecay = { factor: 0.5, everyStepCount: 2.5 };
    expect(rates({ stepDecay }, 0, 3, 4, 5, 7, 8)).toEqual([0.2, 0.8, 0.4, 0.2, 0.2, 0.1]);
  });
});
