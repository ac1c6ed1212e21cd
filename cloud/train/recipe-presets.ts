/**
 * Presets of recipes: the settings of the papers, and how settings become a recipe for a data set. Where a paper counts in epochs, so does its preset; steps follow from the number of samples.
 * What they say and Bespoke does not do is listed in docs/training.md.
 */
import { z } from 'zod';
import { withPreset } from './preset.js';
import type { BasicRecipe, Optimizer, OptimizerKind, TrainRecipe } from './recipe.js';
import {
  type BasicSettings,
  type RecipeInput,
  type RecipePresetName,
  type RecipeSettings,
  recipeFieldsSchema,
} from './recipe-schema.js';

export const recipePresets: { readonly [P in RecipePresetName]: RecipeInput } = {
  default: {},
  /** ProxylessNAS (arXiv 1812.00332v2) 4.2: the networks found, trained anew on ImageNet; the numbers of the published code (search/README.md, retraining; dropout as for mobile). */
  'proxyless-imagenet': {
    epochs: 300,
    batchSize: 256,
    learningRate: 0.05,
    rampSteps: 0,
    weightDecay: 4e-5,
    labelSmoothing: 0.1,
    dropout: 0.1,
    augmentation: { cropPaddingPixels: 28 },
  },
  /** EEEA-Net (arXiv 2108.06156) 4.1: the final training on CIFAR-10; clipping is that of the authors' search, in their code. */
  'eeea-cifar': {
    epochs: 600,
    batchSize: 96,
    learningRate: 0.025,
    rampSteps: 0,
    weightDecay: 3e-4,
    labelSmoothing: 0,
    clipNorm: 5,
    dropPath: 0.2,
    auxiliaryWeight: 0.4,
    augmentation: { cropPaddingPixels: 4, cutoutPixels: 16 },
  },
  /** GPipe (arXiv 1811.06965v5) 4: AmoebaNet on ImageNet by the settings of its authors (arXiv 1802.01548), in the numbers of their code (tensorflow/tpu, amoeba_net_model.py). */
  'gpipe-amoebanet': {
    epochs: 100,
    batchSize: 32,
    learningRate: 0.015,
    rampEpochs: 3,
    stepDecay: { factor: 0.97, epochs: 2.4 },
    optimizer: 'rmsprop',
    squareDecay: 0.9,
    momentum: 0.9,
    epsilon: 1,
    clipNorm: 10,
    averageDecay: 0.9999,
    dropout: 0.5,
    dropPath: 0.3,
    auxiliaryWeight: 0.4,
    weightDecay: 4e-5,
    labelSmoothing: 0.1,
    augmentation: { cropPaddingPixels: 28 },
  },
};

/** Keys over those of `preset`. */
const recipeSchema = z.preprocess((value) => withPreset(recipePresets, value), recipeFieldsSchema);

/** Steps where neither they nor epochs are given. */
export const defaultStepCount = 4000;

/** Steps of a training on so many samples; null where the settings leave them open. */
export function stepCountOf({ steps, epochs, batchSize }: RecipeSettings, sampleCount: number): number | null {
  if (steps !== null || epochs === null) return steps;
  return Math.max(Math.round((epochs * sampleCount) / batchSize), 1);
}

/** What of a recipe depends on the training at hand. */
export interface RecipeCase {
  readonly seed: number;
  readonly stepCount: number;
  /** Of split `train`. */
  readonly sampleCount: number;
}

export function basicRecipe(
  settings: BasicSettings,
  { seed, stepCount }: Omit<RecipeCase, 'sampleCount'>,
): BasicRecipe {
  const { batchSize, learningRate, rampSteps, momentum, weightDecay, labelSmoothing, augmentation } = settings;
  const warmupStepCount = Math.min(rampSteps ?? Math.round(stepCount / 20), stepCount);
  return {
    seed,
    stepCount,
    batchSize,
    learningRate,
    warmupStepCount,
    momentum,
    weightDecay,
    labelSmoothing,
    augmentation,
  };
}

export function recipeOf(settings: RecipeSettings, { sampleCount, ...rest }: RecipeCase): TrainRecipe {
  const { batchSize, rampEpochs, stepDecay, mixupAlpha } = settings;
  const stepsOf = (epochs: number) => (epochs * sampleCount) / batchSize;
  const rampSteps = settings.rampSteps ?? (rampEpochs === null ? null : Math.round(stepsOf(rampEpochs)));
  const basic = basicRecipe({ ...settings, rampSteps }, rest);
  return {
    ...basic,
    ...(mixupAlpha !== null && { augmentation: { ...basic.augmentation, mixupAlpha } }),
    ...optimizers[settings.optimizer](settings),
    ...(stepDecay && { stepDecay: { factor: stepDecay.factor, everyStepCount: stepsOf(stepDecay.epochs) } }),
    ...used(settings),
  };
}

/** What has the same name in a recipe, where it does something. */
function used({ clipNorm, averageDecay, dropout, dropPath, auxiliaryWeight }: RecipeSettings): Partial<TrainRecipe> {
  const all = { clipNorm, averageDecay, dropout, dropPath, auxiliaryWeight };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value));
}

const optimizers: { readonly [K in OptimizerKind]: (settings: RecipeSettings) => { optimizer?: Optimizer } } = {
  sgd: () => ({}),
  rmsprop: ({ squareDecay, epsilon }) => ({
    optimizer: { kind: 'rmsprop', squareDecay: squareDecay ?? 0.9, epsilon: epsilon ?? 1e-3 },
  }),
  adam: ({ squareDecay, epsilon }) => ({
    optimizer: { kind: 'adam', squareDecay: squareDecay ?? 0.999, epsilon: epsilon ?? 1e-8 },
  }),
};

/**
 * The recipe of a preset, for a data set with so many samples to train on. `overrides` stand over the preset's keys.
 * Throws zod's error where one is out of bounds.
 */
export function recipeFromPreset(
  preset: RecipePresetName,
  { seed = 0, ...overrides }: Omit<RecipeInput, 'preset'> & { readonly seed?: number },
  sampleCount: number,
): TrainRecipe {
  const settings = recipeSchema.parse({ ...overrides, preset });
  return recipeOf(settings, { seed, sampleCount, stepCount: stepCountOf(settings, sampleCount) ?? defaultStepCount });
}
