/** From a resolved specification and its planned steps to what the search and the engines take. */
import type { SupernetRecipe, TrainRecipe } from '../train/recipe.js';
import { basicRecipe, recipeOf } from '../train/recipe-presets.js';
import type { EvolutionSettings } from './eeea/search.js';
import type { StepCounts } from './plan.js';
import type { LatencyLoss } from './proxyless/latency-loss.js';
import type { ProxylessSettings } from './proxyless/search.js';
import type { ResolvedSpec } from './spec.js';

/**
 * How far the architecture parameters can travel in a search, by mode, when every step has the same sign: Adam with
 * beta1 = 0 moves by about its learning rate. The paper's rates (0.001 and 0.006) are for hundreds of thousands and tens
 * of thousands of steps; a search of minutes has 100 to 500. Chosen on simulated searches (docs/search.md): less leaves
 * the slots undecided, more follows the noise. A two-path step reaches 2 of N candidates, so it may go further.
 */
const travel = { full: 6, two: 15 } as const;

/** The architecture learning rate for so many architecture steps, between the paper's for CIFAR and 0.1. */
export function architectureLearningRateFor(mode: keyof typeof travel, architectureStepCount: number): number {
  return Math.min(0.1, Math.max(0.006, travel[mode] / Math.max(architectureStepCount, 1)));
}

export function proxylessSettings(spec: ResolvedSpec, { stepCount, warmupStepCount }: StepCounts): ProxylessSettings {
  const { mode, architectureEvery, architectureLearningRate, latencyLoss, leastBudgetShare } = spec.search;
  const architectureStepCount = Math.floor((stepCount - warmupStepCount) / architectureEvery);
  return {
    seed: spec.seed,
    stepCount,
    warmupStepCount,
    architectureEvery,
    mode,
    widens: spec.search.shareWeights,
    architectureLearningRate: architectureLearningRate ?? architectureLearningRateFor(mode, architectureStepCount),
    latencyLoss: latencyLoss as LatencyLoss,
    leastBudgetShare,
  };
}

export function supernetRecipe(spec: ResolvedSpec, { stepCount }: StepCounts): SupernetRecipe {
  return { ...basicRecipe(spec.search, { seed: spec.seed, stepCount }), shareWeights: spec.search.shareWeights };
}

export function evolutionSettings({ seed, evolution }: ResolvedSpec, evaluationCount: number): EvolutionSettings {
  const { mode, population, crossoverProbability, mutatedGroups, candidates, gates } = evolution;
  return {
    seed,
    mode,
    populationSize: population,
    evaluationCount,
    crossoverProbability,
    mutatedGroupCount: mutatedGroups,
    candidateCount: candidates,
    zeroCostQuantile: gates.zeroCostQuantile,
    curveQuantile: gates.curveQuantile,
  };
}

/** How individuals are trained. The seed is not the study's: studies of other seeds may know what was learnt here. */
export function evaluationRecipe({ evolution: { evaluation } }: ResolvedSpec): TrainRecipe {
  return basicRecipe(evaluation, { seed: 0, stepCount: evaluation.steps });
}

/** On `sampleCount` samples of split `train`. */
export function trainRecipe({ seed, train }: ResolvedSpec, stepCount: number, sampleCount: number): TrainRecipe {
  return recipeOf(train, { seed, stepCount, sampleCount });
}
