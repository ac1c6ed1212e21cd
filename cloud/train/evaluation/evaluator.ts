/**
 * Evaluator: trains a network by a recipe and says how well it does on split `search`: what a search over finished networks asks for.
 *
 *   score, untrained ─▶ too low? ─▶ a third of the steps ─▶ too low? ─▶ the other steps ─▶ split search
 */
import { readFile } from 'node:fs/promises';
import { decodeSafetensors, encodeSafetensors } from '@bespoke/shared/graph/safetensors.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { PackedDataset } from '../data/packed.js';
import type { Engine, Evaluation, TrainProgress } from '../engine.js';
import { replaceFile } from '../files.js';
import type { TrainRecipe } from '../recipe.js';

/** What a network must reach not to be ended early; null: whatever it reaches. */
export interface Standards {
  /** Untrained (zero-cost.ts). */
  readonly zeroCostScore: number | null;
  /** At a third of its steps, over the batches before that. */
  readonly probeAccuracy: number | null;
}

export const noStandards: Standards = { zeroCostScore: null, probeAccuracy: null };

export interface EvaluationTask {
  readonly network: Network;
  readonly recipe: TrainRecipe;
  readonly standards: Standards;
  /** Files of weights; absent: it begins afresh, and its weights are not kept. */
  readonly weights?: {
    /** Begins with these, where names and shapes agree; null: afresh. */
    readonly from: string | null;
    /** Where to keep those of a training that came to its end. */
    readonly to: string;
  };
}

export interface Evaluated {
  /** On split `search`; null where the training was ended early, or not begun. */
  readonly evaluation: Evaluation | null;
  /** Mean accuracy on the training batches just before a third of the steps; null where the training was not begun. */
  readonly probeAccuracy: number | null;
  /** Of the untrained network (zero-cost.ts). */
  readonly zeroCostScore: number;
  /** What the score took. */
  readonly scoringSeconds: number;
  /** All in all. */
  readonly seconds: number;
}

export interface Evaluator {
  /** How many tasks run at once. */
  readonly workerCount: number;
  /** Waits for a free worker. Same task, same numbers. */
  evaluate(task: EvaluationTask): Promise<Evaluated>;
  close(): Promise<void>;
}

/** Where in a training it is looked at, and over how much of it before that: shares of its steps. */
export const probe = { at: 1 / 3, over: 1 / 10 } as const;

/** Scores, trains and judges one network with an engine. */
export async function evaluateOnce(engine: Engine, data: PackedDataset, task: EvaluationTask): Promise<Evaluated> {
  const { network, recipe, standards, weights: files } = task;
  const graph = lower(network);
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  const zeroCostScore = await engine.zeroCostScore(graph, data, recipe.seed);
  const scored = { zeroCostScore, scoringSeconds: seconds() };
  if (standards.zeroCostScore !== null && zeroCostScore < standards.zeroCostScore) {
    return { evaluation: null, probeAccuracy: null, ...scored, seconds: scored.scoringSeconds };
  }
  const [probeStep, windowStepCount] = [probe.at, probe.over].map((share) =>
    Math.max(Math.round(share * recipe.stepCount), 1),
  );
  const abort = new AbortController();
  let [probeAccuracy, seenCount] = [0, 0];
  const onProgress = ({ step, accuracy }: TrainProgress) => {
    if (step > probeStep! || step <= probeStep! - windowStepCount!) return;
    seenCount++;
    probeAccuracy += (accuracy - probeAccuracy) / seenCount;
    if (step === probeStep && standards.probeAccuracy !== null && probeAccuracy < standards.probeAccuracy)
      abort.abort();
  };
  const from = files?.from ? { initialWeights: decodeSafetensors(await readFile(files.from)).weights } : {};
  const evaluation = await engine
    .train(graph, data, recipe, { onProgress, signal: abort.signal, ...from })
    .then(async (weights) => {
      abort.signal.throwIfAborted(); // its probe was its last step
      if (files) await replaceFile(files.to, encodeSafetensors(weights));
      return engine.evaluate(graph, weights, data, 'search');
    })
    .catch((error) => {
      if (abort.signal.aborted) return null;
      throw error;
    });
  return { evaluation, probeAccuracy, ...scored, seconds: seconds() };
}
