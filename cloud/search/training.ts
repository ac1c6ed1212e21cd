/** The training phase of a study: the found network from its start to its weights, in one process or in a pipeline of several. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { blocksOf } from '@bespoke/shared/graph/split.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { TrainPoint } from '@bespoke/shared/protocol/api.js';
import type { TrainHooks } from '../train/engine.js';
import type { TrainRecipe } from '../train/recipe.js';
import { outcome } from './outcome.js';
import { pipelineSettings } from './pipeline-keys.js';
import { pipelineTelling } from './pipeline-telling.js';
import { planTraining } from './plan.js';
import { trainRecipe } from './settings.js';
import type { ResolvedSpec } from './spec.js';
import { phaseProgress, remainingOf, reservedMs, type StudyPorts } from './study-ports.js';

const checkpointEveryMs = 20_000;

/** Points of a training's curve. */
const pointCount = 200;

/** What came of a training: its steps as planned, and whether it was ended before them. */
export interface Trained {
  readonly stepCount: number;
  readonly isStopped: boolean;
}

/** What a training begins with. */
export interface ToTrain {
  readonly network: Network;
  /** Of one process: what the steps are planned by where the study has minutes. */
  readonly trainStepMs: number;
  /** Where the weights are written to. */
  readonly weightsPath: string;
}

/** Trains and writes the weights. */
export async function runTraining(spec: ResolvedSpec, toTrain: ToTrain, ports: StudyPorts): Promise<Trained> {
  const trained = await outcome(ports.directory, 'trained', () => runPhase(spec, toTrain, ports));
  // Only now that the outcome is stored: without them, a study that is run again would begin anew.
  await rm(checkpointsOf(ports), { recursive: true, force: true });
  return trained;
}

const checkpointsOf = ({ directory }: StudyPorts) => join(directory, 'train');

async function runPhase(
  spec: ResolvedSpec,
  { network, trainStepMs, weightsPath }: ToTrain,
  ports: StudyPorts,
): Promise<Trained> {
  const { directory, data, stops } = ports;
  const sampleCount = data.manifest.counts.train;
  const progress = phaseProgress(spec, ports, 'train');
  const plan = await outcome(directory, 'train-plan', async () => {
    const remainingMs = remainingOf(spec, ports) ?? Number.POSITIVE_INFINITY;
    return { stepCount: planTraining(spec, { sampleCount, remainingMs, reservedMs, trainStepMs }) };
  });
  const average = averageOf(Math.max(Math.round(plan.stepCount / pointCount), 1));
  let doneCount: number | null = null;
  const weights = await train(spec, network, trainRecipe(spec, plan.stepCount, sampleCount), ports, {
    checkpointDirectory: checkpointsOf(ports),
    checkpointEveryMs,
    stop: stops.train,
    onProgress(step) {
      doneCount = step.step;
      const point = average(step);
      if (!point) return;
      ports.tell({ type: 'train', point });
      progress(point.step, point.stepCount);
    },
  });
  if (stops.train.aborted) ports.tell({ type: 'log', line: stoppedText(doneCount, plan.stepCount) });
  await ports.saveWeights(weightsPath, weights);
  return { stepCount: plan.stepCount, isStopped: stops.train.aborted };
}

type Hooks = Required<Pick<TrainHooks, 'checkpointDirectory' | 'checkpointEveryMs' | 'stop' | 'onProgress'>>;

/** By whichever way the specification names. */
function train(
  { train: { pipeline } }: ResolvedSpec,
  network: Network,
  recipe: TrainRecipe,
  ports: StudyPorts,
  hooks: Hooks,
): Promise<Weights> {
  const graph = lower(network);
  if (pipeline === null) return ports.engine.train(graph, ports.data, recipe, hooks);
  const settings = pipelineSettings(pipeline, blocksOf(graph).length);
  if (settings.stageCount < pipeline.stages) {
    const line = `${settings.stageCount} stages instead of ${pipeline.stages}: the network has no more blocks`;
    ports.tell({ type: 'log', line });
  }
  const { onProgress, ...rest } = hooks;
  const telling = pipelineTelling(network, settings.memoryCapBytes, ports, onProgress);
  return ports.trainPipelined(network, recipe, settings, { ...rest, ...telling });
}

function stoppedText(doneCount: number | null, stepCount: number): string {
  const where = doneCount === null ? 'where its last checkpoint is' : `after step ${doneCount} of ${stepCount}`;
  return `the training was ended as asked, ${where}: the weights are those that it had by then`;
}

/** Means of loss and accuracy over every `stepCount` steps and what is left at the end; null in between. Of a step that says more, the rest is dropped. */
function averageOf(stepCount: number): (point: TrainPoint) => TrainPoint | null {
  let window: TrainPoint[] = [];
  return ({ step, stepCount: plannedCount, loss, accuracy }) => {
    const point = { step, stepCount: plannedCount, loss, accuracy };
    window.push(point);
    if (step % stepCount !== 0 && step !== plannedCount) return null;
    const mean = (pick: (point: TrainPoint) => number) =>
      window.reduce((sum, one) => sum + pick(one), 0) / window.length;
    const averaged = { ...point, loss: mean((one) => one.loss), accuracy: mean((one) => one.accuracy) };
    window = [];
    return averaged;
  };
}
