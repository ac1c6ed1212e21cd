/**
 * Adam for architecture parameters (arXiv 1412.6980) with beta1 = 0: with momentum, candidates that were not looked at
 * would go on moving. For the same reason moments are lazy: a candidate's second moment and its count of steps change only
 * when it got a gradient, as if the steps between had not been.
 *
 * What it gives is a step size per parameter, not the step: the search applies the parts of a gradient one after the other.
 */
export interface AdamSettings {
  readonly learningRate: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** The reference's values (imagenet_arch_search.py:36-100). */
export const adamDefaults: AdamSettings = { learningRate: 1e-3, beta2: 0.999, epsilon: 1e-8 };

/** Of one slot's parameters; plain data, part of the search's checkpoint. */
export interface AdamState {
  readonly secondMoments: number[];
  readonly stepCounts: number[];
}

export function adamState(count: number): AdamState {
  return { secondMoments: new Array(count).fill(0), stepCounts: new Array(count).fill(0) };
}

/**
 * Takes notice of `gradient`, that of parameter `index`, and returns its step size: the parameter is to move by
 * -size * gradient = -learningRate * gradient / (sqrt(v / (1 - beta2^t)) + epsilon).
 */
export function adamStepSize(state: AdamState, index: number, gradient: number, settings: AdamSettings): number {
  const { learningRate, beta2, epsilon } = settings;
  const stepCount = state.stepCounts[index]! + 1;
  const secondMoment = beta2 * state.secondMoments[index]! + (1 - beta2) * gradient * gradient;
  state.stepCounts[index] = stepCount;
  state.secondMoments[index] = secondMoment;
  return learningRate / (Math.sqrt(secondMoment / (1 - beta2 ** stepCount)) + epsilon);
}
