/** What a person says of a training: keys, bounds and defaults, in a study's YAML and on the command line. */
import { z } from 'zod';

const probability = z.number().min(0).lt(1);
const stepCount = z.number().int().min(1).max(10_000_000);
const epochCount = z.number().positive().max(100_000);

/** What the weight steps of a search and a training have in common. */
export function basicFields(defaults: { learningRate: number; labelSmoothing: number; cropPaddingPixels: number }) {
  return {
    batchSize: z.number().int().min(2).max(4096).default(64),
    learningRate: z.number().positive().max(10).default(defaults.learningRate),
    /** Steps in which the learning rate rises from 0; null: a twentieth of the steps. */
    rampSteps: z.number().int().min(0).nullable().default(null),
    momentum: probability.default(0.9),
    weightDecay: z.number().min(0).max(1).default(4e-5),
    labelSmoothing: probability.default(defaults.labelSmoothing),
    augmentation: z
      .strictObject({
        flip: z.boolean().default(true),
        cropPaddingPixels: z.number().int().min(0).max(64).default(defaults.cropPaddingPixels),
        cutoutPixels: z.number().int().min(0).max(256).default(0),
      })
      .prefault({}),
  };
}

export const recipePresetNames = ['default', 'proxyless-imagenet', 'eeea-cifar', 'gpipe-amoebanet'] as const;
export type RecipePresetName = (typeof recipePresetNames)[number];

export const recipeFieldsSchema = z.strictObject({
  /** What the keys are that are not given. */
  preset: z.enum(recipePresetNames).default('default'),
  steps: stepCount.nullable().default(null),
  /** Passes over the samples; without meaning where `steps` is given. */
  epochs: epochCount.nullable().default(null),
  ...basicFields({ learningRate: 0.1, labelSmoothing: 0.1, cropPaddingPixels: 4 }),
  /** `rampSteps` in passes over the samples; without meaning where that is given. */
  rampEpochs: z.number().min(0).max(100_000).nullable().default(null),
  optimizer: z.enum(['sgd', 'rmsprop', 'adam']).default('sgd'),
  /** Of `rmsprop` and `adam`: the share of the old in the running mean of squares; null: 0.9 and 0.999. */
  squareDecay: probability.nullable().default(null),
  /** Of `rmsprop` and `adam`: what keeps a quotient from growing over all bounds; null: 0.001 and 1e-8. */
  epsilon: z.number().positive().max(10).nullable().default(null),
  /** The learning rate is multiplied by `factor` after every so many epochs; null: it falls along a half cosine. */
  stepDecay: z
    .strictObject({ factor: z.number().positive().max(1), epochs: epochCount })
    .nullable()
    .default(null),
  /** Gradients of a larger norm are shortened to it; null: they are not. */
  clipNorm: z.number().positive().max(1e6).nullable().default(null),
  /** Of running means of the weights, which are what the training comes to; null: the last weights. */
  averageDecay: probability.nullable().default(null),
  /** Pairs of samples are mixed by shares from Beta(alpha, alpha); null: they are not. */
  mixupAlpha: z.number().min(0.01).max(100).nullable().default(null),
  /** With which probability a feature before the classifier is zeroed. */
  dropout: probability.default(0),
  /** With which probability a path through a cell is cut at the end; it grows linearly from 0. */
  dropPath: probability.default(0),
  /** Of the loss of an auxiliary head; null: there is none. */
  auxiliaryWeight: z.number().positive().max(10).nullable().default(null),
});

/** What a recipe is made from, presets and defaults filled in. */
export type RecipeSettings = z.output<typeof recipeFieldsSchema>;
export type RecipeInput = z.input<typeof recipeFieldsSchema>;
export type BasicSettings = Pick<RecipeSettings, keyof ReturnType<typeof basicFields>>;
