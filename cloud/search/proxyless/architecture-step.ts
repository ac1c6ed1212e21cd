/**
 * One step of the architecture parameters, from the gates' gradients and the device's latencies.
 *
 * The two parts of the gradient share Adam's step size, so the weight between accuracy and latency is what the loss says (two
 * Adams would normalize it away), but are applied one after the other: first the gates' part, on the candidates that were looked
 * at, with the rescaling that leaves all others' probabilities exactly as they were; then the latency part, exact and on all
 * candidates. Where the latency term is none, this is the paper's two-path step to the last digit.
 */
import { adamDefaults, adamStepSize } from './adam.js';
import { type Gate, gateToAlphaGradient, rescale } from './gates.js';
import { expectedLatencyMs, latencyLossGradient, nextMultiplier } from './latency-loss.js';
import type { ProxylessSearch } from './search.js';
import type { SearchState } from './state.js';

/** Moves `state.alphas`, Adam's moments and the multiplier; `gateGradients` [slot] are in the order of the gate's candidates. */
export function stepAlphas(
  { latencyMs, fixedMs, budgetMs, settings }: Pick<ProxylessSearch, 'latencyMs' | 'fixedMs' | 'budgetMs' | 'settings'>,
  state: SearchState,
  gates: readonly Gate[],
  gateGradients: readonly (readonly number[])[],
): void {
  const { latencyLoss, architectureLearningRate: learningRate } = settings;
  const latencyGradients = latencyLossGradient(
    latencyLoss,
    state.alphas,
    latencyMs,
    fixedMs,
    budgetMs,
    state.multiplier,
  );
  state.alphas = state.alphas.map((alphas, slot) => {
    if (alphas.length === 1) return alphas;
    const { candidates } = gates[slot]!;
    const sampled = gateToAlphaGradient(
      candidates.map((candidate) => alphas[candidate]!),
      gateGradients[slot]!,
    );
    const lossGradient = alphas.map((_, candidate) => sampled[candidates.indexOf(candidate)] ?? 0);
    const latencyGradient = latencyGradients[slot]!;
    const stepSizes = alphas.map((_, candidate) => {
      const gradient = lossGradient[candidate]! + latencyGradient[candidate]!;
      const isTouched = candidates.includes(candidate) || latencyGradient[candidate] !== 0;
      return isTouched ? adamStepSize(state.adam[slot]!, candidate, gradient, { ...adamDefaults, learningRate }) : 0;
    });
    const moved = moveSampled(
      alphas,
      candidates,
      alphas.map((_, i) => stepSizes[i]! * lossGradient[i]!),
    );
    return moved.map((alpha, candidate) => {
      const shift = stepSizes[candidate]! * latencyGradient[candidate]!;
      state.latencyShifts[slot]![candidate]! -= shift;
      return alpha - shift;
    });
  });
  const ratio = expectedLatencyMs(state.alphas, latencyMs, fixedMs) / budgetMs;
  state.multiplier = nextMultiplier(latencyLoss, ratio, state.multiplier);
}

/** alphas - steps on the candidates that were looked at, rescaled to their former sum of exponentials. */
function moveSampled(alphas: readonly number[], candidates: readonly number[], steps: readonly number[]): number[] {
  const before = candidates.map((candidate) => alphas[candidate]!);
  const after = candidates.map((candidate) => alphas[candidate]! - steps[candidate]!);
  const rescaled = rescale(before, after);
  return alphas.map((alpha, candidate) => rescaled[candidates.indexOf(candidate)] ?? alpha);
}
