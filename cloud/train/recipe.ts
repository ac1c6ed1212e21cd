/** Recipes: how a network is trained. Plain data, stored with every study. */

export interface Augmentation {
  /** Mirror left-right with probability 1/2. */
  readonly flip: boolean;
  /** Pad by so many pixels on each side, then cut the original size out at random. */
  readonly cropPaddingPixels: number;
  /** Side of the square that is zeroed at random; 0 for none. */
  readonly cutoutPixels: number;
}

export interface TrainRecipe {
  readonly seed: number;
  readonly stepCount: number;
  readonly batchSize: number;
  /** SGD with Nesterov momentum; falls to 0 along a half cosine after a linear warm-up. */
  readonly learningRate: number;
  readonly warmupStepCount: number;
  readonly momentum: number;
  /** On convolution and dense filters only, not on batch norm nor biases. */
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  readonly augmentation: Augmentation;
}

/** As for training; the learning rate is that of all weight steps, warm-up of the supernet included. */
export interface SupernetRecipe extends TrainRecipe {
  /** Whether candidates of one kind share their slot's weights (train/tfjs/shared-weights.ts), or each has its own as in the paper. */
  readonly shareWeights: boolean;
}

/** Learning rate of step `step` in 0..stepCount-1. */
export function learningRateAt(recipe: TrainRecipe, step: number): number {
  const { learningRate, warmupStepCount, stepCount } = recipe;
  if (step < warmupStepCount) return (learningRate * (step + 1)) / warmupStepCount;
  const progress = (step - warmupStepCount) / Math.max(stepCount - warmupStepCount, 1);
  return (learningRate * (1 + Math.cos(Math.PI * progress))) / 2;
}
