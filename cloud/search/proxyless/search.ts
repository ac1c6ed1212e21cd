/**
 * ProxylessNAS, gradient form: trains a supernet's weights and its architecture parameters in turn, against a device's
 * latencies and a budget. It runs no network itself: the supernet, whoever made it, does.
 *
 *   step      0 1 2 … w-1 | w   w+1   w+2 …  stepCount-1
 *   weights   u u u … u   | s   s     s   …  s              on split train; u: fair random path, s: path drawn from p; widened where the step is odd (widen.ts)
 *   a                     |     g         …  g              on split search, after every `architectureEvery`-th joint step
 *
 * Everything random is keyed by (seed, purpose, step), and all else is in SearchState, so a search that was killed goes on from its
 * checkpoint to the same architecture parameters, bit for bit.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { hashJson } from '@bespoke/shared/base/json.js';
import type { SearchPoint } from '@bespoke/shared/protocol/api.js';
import type { StepResult, Supernet } from '../../train/engine.js';
import { fastestPath, pathLatencyMs, type SearchSpace } from '../space.js';
import { stepAlphas } from './architecture-step.js';
import { derive, deriveWithin } from './derive.js';
import { activePath, type GateMode, sampleGates, samplePath, softmax, warmupPath } from './gates.js';
import { expectedLatencyMs, type LatencyLoss } from './latency-loss.js';
import { initialState, preferences, restoreCheckpoint, type SearchState, saveCheckpoint } from './state.js';
import { trainedPaths } from './widen.js';

export interface ProxylessSettings {
  readonly seed: number;
  /** Weight steps in all, warm-up included. */
  readonly stepCount: number;
  readonly warmupStepCount: number;
  /** One architecture step after so many weight steps of the joint phase. */
  readonly architectureEvery: number;
  readonly mode: GateMode;
  /** Whether every second weight step trains its path at the largest expansions (widen.ts): where candidates share weights. */
  readonly widens: boolean;
  readonly architectureLearningRate: number;
  readonly latencyLoss: LatencyLoss;
  /** Share of the budget that the network should use at least, 0..1. */
  readonly leastBudgetShare: number;
}

export interface ProxylessSearch {
  readonly space: SearchSpace;
  readonly supernet: Supernet;
  /** Predicted latency of every candidate in ms, [slot][candidate]; 0 for identities. */
  readonly latencyMs: readonly (readonly number[])[];
  /** What no slot accounts for, in ms. */
  readonly fixedMs: number;
  readonly budgetMs: number;
  readonly settings: ProxylessSettings;
  /** Where to keep checkpoints and resume from; none where absent. */
  readonly checkpoint?: { readonly directory: string; readonly everySteps: number };
  /** Told every `pointEverySteps` weight steps and at the end; a resumed search tells the steps since its checkpoint again. */
  onPoint?(point: SearchPoint, probabilities: readonly (readonly number[])[]): void;
  /** Weight steps between points; default 10. */
  readonly pointEverySteps?: number;
  /** Once aborted, the search ends before its next step, with what it has learnt. */
  readonly stop?: AbortSignal;
  /** Once aborted, the search throws the signal's reason before its next step. */
  readonly signal?: AbortSignal;
}

export interface ProxylessResult {
  /** Candidate index per slot of the derived network. */
  readonly path: readonly number[];
  readonly predictedMs: number;
  /** Argmax per slot; it is `path` where its latency is within the bounds. */
  readonly argmaxPath: readonly number[];
  readonly argmaxMs: number;
  readonly probabilities: readonly (readonly number[])[];
  readonly state: SearchState;
  /** The network that `path` would have been under another budget, were the argmax network no good. */
  within(budgetMs: number): number[];
}

/**
 * Searches, from the last checkpoint where there is one.
 * Throws `BUDGET_TOO_SMALL`, `SEARCH_LATENCY_INVALID`, `SEARCH_DIVERGED`, `SEARCH_CHECKPOINT_MISMATCH`.
 */
export async function runProxyless(search: ProxylessSearch): Promise<ProxylessResult> {
  const { supernet, settings, checkpoint } = search;
  verifyLatencies(search);
  const problem = problemOf(search);
  const restored = checkpoint ? await restoreCheckpoint(checkpoint.directory, problem, supernet) : null;
  const state = restored ?? initialState(candidateCountsOf(search.space), settings.seed);
  const trained = trainedPaths(search.space, settings.widens);
  while (state.step < settings.stepCount) {
    search.signal?.throwIfAborted();
    if (search.stop?.aborted) break;
    await runStep(search, state, trained);
    tellPoint(search, state);
    const isLast = state.step === settings.stepCount;
    if (checkpoint && (isLast || state.step % checkpoint.everySteps === 0)) {
      await saveCheckpoint(checkpoint.directory, problem, state, supernet);
    }
  }
  return resultOf(search, state);
}

/** One weight step and, where it is due, the architecture step after it. */
async function runStep(
  search: ProxylessSearch,
  state: SearchState,
  trained: ReturnType<typeof trainedPaths>,
): Promise<void> {
  const { space, supernet, settings } = search;
  const { seed, warmupStepCount, architectureEvery } = settings;
  const { step } = state;
  const isWarmup = step < warmupStepCount;
  const drawn = isWarmup ? warmupPath(candidateCountsOf(space), seed, step) : samplePath(state.alphas, seed, step);
  const result = await supernet.weightStep(trained(drawn, step), step);
  verifyFinite(step, result);
  state.window.loss += result.loss;
  state.window.accuracy += result.accuracy;
  state.window.count += 1;
  if (!isWarmup && (step - warmupStepCount + 1) % architectureEvery === 0) await runArchitectureStep(search, state);
  state.step += 1;
}

async function runArchitectureStep(search: ProxylessSearch, state: SearchState): Promise<void> {
  const { seed, mode } = search.settings;
  const gates = sampleGates(state.alphas, mode, seed, state.step);
  // A slot with one candidate has nothing to learn: it asks for no gradient.
  const asked = gates.map((gate) => (gate.candidates.length > 1 ? gate.candidates : []));
  const result = await search.supernet.gateGradients(activePath(gates), asked, state.step);
  verifyFinite(state.step, result);
  stepAlphas(search, state, gates, result.gradients);
}

function tellPoint({ settings, onPoint, pointEverySteps = 10, ...search }: ProxylessSearch, state: SearchState): void {
  const { step, window } = state;
  if (step % pointEverySteps !== 0 && step !== settings.stepCount) return;
  const point: SearchPoint = {
    step,
    stepCount: settings.stepCount,
    loss: window.loss / window.count,
    accuracy: window.accuracy / window.count,
    expectedMs: expectedLatencyMs(state.alphas, search.latencyMs, search.fixedMs),
  };
  state.window = { loss: 0, accuracy: 0, count: 0 };
  onPoint?.(point, state.alphas.map(softmax));
}

/**
 * The argmax network where it makes good use of the budget: between leastBudgetShare and 1 of it. Else the probabilities are not
 * settled enough for it: the expectation that kept the budget was that of a mixture. Then the budget itself takes the latency term's
 * place, and the network is the one within the same bounds that is most probable by accuracy alone.
 */
function resultOf(search: ProxylessSearch, state: SearchState): ProxylessResult {
  const { latencyMs, fixedMs, budgetMs, settings } = search;
  const argmaxPath = derive(state.alphas);
  const argmaxMs = pathLatencyMs(argmaxPath, latencyMs, fixedMs);
  const within = (ms: number) =>
    deriveWithin(preferences(state), latencyMs, fixedMs, ms, settings.leastBudgetShare * ms);
  const isGood = argmaxMs <= budgetMs && argmaxMs >= settings.leastBudgetShare * budgetMs;
  const path = isGood ? argmaxPath : within(budgetMs);
  return {
    path,
    predictedMs: pathLatencyMs(path, latencyMs, fixedMs),
    argmaxPath,
    argmaxMs,
    probabilities: state.alphas.map(softmax),
    state,
    within,
  };
}

function candidateCountsOf(space: SearchSpace): number[] {
  return space.slots.map((slot) => slot.candidates.length);
}

function problemOf({ space, latencyMs, fixedMs, budgetMs, settings }: ProxylessSearch): string {
  return hashJson({ space, latencyMs, fixedMs, budgetMs, settings });
}

function verifyLatencies({ space, latencyMs, fixedMs, budgetMs }: ProxylessSearch): void {
  space.slots.forEach((slot, index) => {
    slot.candidates.forEach((candidate, position) => {
      const ms = latencyMs[index]?.[position];
      if (ms !== undefined && Number.isFinite(ms) && ms >= 0) return;
      throw new AppError('SEARCH_LATENCY_INVALID', {
        slot: slot.id,
        candidate: candidate.id,
        got: ms === undefined ? 'none' : `${ms} ms`,
      });
    });
  });
  const fastestMs = pathLatencyMs(fastestPath(latencyMs), latencyMs, fixedMs);
  if (!(fastestMs <= budgetMs)) throw new AppError('BUDGET_TOO_SMALL', { budgetMs, fastestMs });
}

function verifyFinite(step: number, { loss }: StepResult): void {
  if (!Number.isFinite(loss)) throw new AppError('SEARCH_DIVERGED', { step, what: 'loss', got: loss });
}
