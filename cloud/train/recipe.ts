/** Recipes: how a network is trained. Plain data, stored with every study. What a recipe does not use is absent from it, so that its hash stays what it was as recipes learn more. */

export interface Augmentation {
  /** Mirror left-right with probability 1/2. */
  readonly flip: boolean;
  /** Pad by so many pixels on each side, then cut the original size out at random. */
  readonly cropPaddingPixels: number;
  /** Side of the square that is zeroed at random; 0 for none. */
  readonly cutoutPixels: number;
  /** Pairs of samples are mixed, with their targets, by shares from Beta(alpha, alpha) (data/mixup.ts); none are where absent. */
  readonly mixupAlpha?: number;
}

/** What the weight steps of a search and a training have in common. */
export interface BasicRecipe {
  readonly seed: number;
  readonly stepCount: number;
  readonly batchSize: number;
  /** Of the first step after a linear warm-up of `warmupStepCount` steps. */
  readonly learningRate: number;
  readonly warmupStepCount: number;
  /** Nesterov's of SGD, RMSProp's, and the share of the old in the mean of gradients (beta1) of Adam. */
  readonly momentum: number;
  /** On convolution and dense filters only, not on batch norm nor biases. */
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  readonly augmentation: Augmentation;
}

export interface TrainRecipe extends BasicRecipe {
  /** SGD with Nesterov momentum where absent. */
  readonly optimizer?: Optimizer;
  /** The learning rate falls to 0 along a half cosine where absent. */
  readonly stepDecay?: StepDecay;
  /** Gradients of a larger norm, all weights together, are shortened to it. */
  readonly clipNorm?: number;
  /** The weights that come of the training are running means of this share of the old, once there were steps enough: (1 + n) / (10 + n) of the old before. */
  readonly averageDecay?: number;
  /** With which probability a feature before the classifier is zeroed; none is where absent. */
  readonly dropout?: number;
  /** With which probability a path through a cell is cut at the end of the training; it grows linearly from 0. None is where absent. */
  readonly dropPath?: number;
  /** Of the loss of an auxiliary head (tfjs/auxiliary-head.ts), in a network of cells; it has none where absent. */
  readonly auxiliaryWeight?: number;
}

export type Optimizer =
  | { readonly kind: 'sgd' }
  /** `squareDecay`: the share of the old in the running mean of squares. */
  | { readonly kind: 'rmsprop'; readonly squareDecay: number; readonly epsilon: number }
  | { readonly kind: 'adam'; readonly squareDecay: number; readonly epsilon: number };
export type OptimizerKind = Optimizer['kind'];

/** The learning rate is multiplied by `factor` after every `everyStepCount` steps, which need not be whole. */
export interface StepDecay {
  readonly factor: number;
  readonly everyStepCount: number;
}

/** As for training; the learning rate is that of all weight steps, warm-up of the supernet included. */
export interface SupernetRecipe extends BasicRecipe {
  /** Whether candidates of one kind share their slot's weights (train/tfjs/shared-weights.ts), or each has its own as in the paper. */
  readonly shareWeights: boolean;
}

/** Learning rate of step `step` in 0..stepCount-1. */
export function learningRateAt(recipe: TrainRecipe, step: number): number {
  const { learningRate, warmupStepCount, stepCount, stepDecay } = recipe;
  if (step < warmupStepCount) return (learningRate * (step + 1)) / warmupStepCount;
  if (stepDecay) return learningRate * stepDecay.factor ** Math.floor(step / stepDecay.everyStepCount);
  const progress = (step - warmupStepCount) / Math.max(stepCount - warmupStepCount, 1);
  return (learningRate * (1 + Math.cos(Math.PI * progress))) / 2;
}
