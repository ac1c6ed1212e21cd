/** Evaluator: trains a network by a recipe and says how well it does on split `search`: what a search over finished networks asks for. */
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { PackedDataset } from '../data/packed.js';
import type { Engine, Evaluation, TrainProgress } from '../engine.js';
import type { TrainRecipe } from '../recipe.js';

export interface EvaluationTask {
  readonly network: Network;
  readonly recipe: TrainRecipe;
  /** Ends the training at a third of its steps where the batches before that are less accurate than this; null: it always goes on. */
  readonly leastProbeAccuracy: number | null;
}

export interface Evaluated {
  /** On split `search`; null where the training was ended early. */
  readonly evaluation: Evaluation | null;
  /** Mean accuracy on the training batches just before a third of the steps. */
  readonly probeAccuracy: number;
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

/** Trains and judges one network with an engine. */
export async function evaluateOnce(engine: Engine, data: PackedDataset, task: EvaluationTask): Promise<Evaluated> {
  const { network, recipe, leastProbeAccuracy } = task;
  const graph = lower(network);
  const [probeStep, windowStepCount] = [probe.at, probe.over].map((share) =>
    Math.max(Math.round(share * recipe.stepCount), 1),
  );
  const abort = new AbortController();
  const startMs = performance.now();
  let [probeAccuracy, seenCount] = [0, 0];
  const onProgress = ({ step, accuracy }: TrainProgress) => {
    if (step > probeStep! || step <= probeStep! - windowStepCount!) return;
    seenCount++;
    probeAccuracy += (accuracy - probeAccuracy) / seenCount;
    if (step === probeStep && leastProbeAccuracy !== null && probeAccuracy < leastProbeAccuracy) abort.abort();
  };
  const evaluation = await engine
    .train(graph, data, recipe, { onProgress, signal: abort.signal })
    .then((weights) => engine.evaluate(graph, weights, data, 'search'))
    .catch((error) => {
      if (abort.signal.aborted) return null;
      throw error;
    });
  return { evaluation, probeAccuracy, seconds: (performance.now() - startMs) / 1000 };
}
