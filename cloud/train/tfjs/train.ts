/** Training of one Graph: steps with checkpoints, then batch norm's moving statistics measured with the final weights. */
import { hashJson } from '@bespoke/shared/base/json.js';
import type { Graph } from '@bespoke/shared/graph/graph.js';
import { formatShape } from '@bespoke/shared/graph/tensor.js';
import { declareWeights, initializeWeights, type Weights, type WeightTensor } from '@bespoke/shared/graph/weights.js';
import { type ExecuteOptions, execute } from '@bespoke/shared/tfjs/execute.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import { noAugmentation, openLoader } from '../data/loader.js';
import type { PackedDataset } from '../data/packed.js';
import type { TrainHooks } from '../engine.js';
import { learningRateAt, type TrainRecipe } from '../recipe.js';
import { trainingGraph } from './auxiliary-head.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { DropMasks } from './drop-masks.js';
import { descend, imageTensor, type StepContext, yieldToEvents } from './step.js';
import { trainedWeights, Variables } from './variables.js';

/** tf, and a name of backend and version: a checkpoint goes on only where it was made, else losses would not repeat. */
export interface Runtime {
  readonly tf: Tf;
  readonly runtime: string;
}

/** Trains `graph` by `recipe` on split `train`; see Engine.train. */
export async function trainGraph(
  { tf, runtime }: Runtime,
  graph: Graph,
  data: PackedDataset,
  recipe: TrainRecipe,
  hooks: TrainHooks = {},
): Promise<Weights> {
  const whole = trainingGraph(graph, recipe);
  const declared = declareWeights(whole);
  const trainable = [...declared.keys()].filter((name) => declared.get(name)!.trainable);
  const initial = inherit(initializeWeights(whole, recipe.seed), hooks.initialWeights);
  const variables = new Variables(tf, new Map(trainable.map((name) => [name, initial.get(name)!])));
  const context: StepContext = { tf, variables, manifest: data.manifest };
  const identity = hashJson({ runtime, graph, recipe, sha256: data.manifest.sha256 });
  try {
    const firstStep = await resume(variables, identity, hooks);
    await runSteps(context, whole, data, recipe, { firstStep, trainable, identity, hooks });
    const weights = trainedWeights(graph, await variables.readState());
    variables.writeState(new Map([...weights].map(([name, weight]) => [`value:${name}`, weight])));
    for (const [name, weight] of await measureStatistics(context, graph, data, recipe)) weights.set(name, weight);
    return weights;
  } finally {
    variables.dispose();
  }
}

/** Own weights, but those of `from` that have their name and shape. */
function inherit(own: Weights, from: Weights = new Map()): Weights {
  return new Map(
    [...own].map(([name, weight]) => {
      const other = from.get(name);
      return [name, other && formatShape(other.shape) === formatShape(weight.shape) ? other : weight];
    }),
  );
}

/** Where to go on from: the checkpoint of the same arguments, else 0. */
async function resume(variables: Variables, identity: string, { checkpointDirectory }: TrainHooks): Promise<number> {
  const checkpoint = checkpointDirectory === undefined ? undefined : await readCheckpoint(checkpointDirectory);
  if (!checkpoint || checkpoint.identity !== identity) return 0;
  variables.writeState(checkpoint.state);
  return checkpoint.step;
}

interface Course {
  readonly firstStep: number;
  readonly trainable: readonly string[];
  readonly identity: string;
  readonly hooks: TrainHooks;
}

async function runSteps(
  context: StepContext,
  graph: Graph,
  data: PackedDataset,
  recipe: TrainRecipe,
  course: Course,
): Promise<void> {
  const { stepCount, seed, batchSize, augmentation } = recipe;
  const { checkpointDirectory, checkpointEveryMs = 60_000, onProgress } = course.hooks;
  const loader = openLoader(data, { split: 'train', seed, batchSize, augmentation });
  const drops = new DropMasks(graph, recipe);
  let [savedStep, savedAtMs] = [course.firstStep, performance.now()];
  for (let step = course.firstStep; ; step++) {
    await yieldToEvents();
    const isOver = step === stepCount || course.hooks.stop?.aborted;
    const isDue = isOver || performance.now() - savedAtMs >= checkpointEveryMs;
    if (checkpointDirectory !== undefined && isDue && step > savedStep) {
      const state = await context.variables.readState();
      await writeCheckpoint(checkpointDirectory, { identity: course.identity, step, state });
      [savedStep, savedAtMs] = [step, performance.now()];
    }
    if (isOver) return;
    course.hooks.signal?.throwIfAborted();
    drops.draw(step);
    const result = await descend(context, loader.batchAt(step), {
      ...recipe,
      names: course.trainable,
      forward: (x) => runGraph(context, graph, x, { masks: drops.tensors(context.tf) }),
      stepsDone: step,
      learningRate: learningRateAt(recipe, step),
    });
    onProgress?.({ step: step + 1, stepCount, ...result });
  }
}

function runGraph(
  { tf, variables }: StepContext,
  graph: Graph,
  x: Tensor,
  options: Omit<ExecuteOptions, 'training'>,
): Tensor[] {
  const inputs = new Map([[graph.inputs[0]!.id, x]]);
  return execute(tf, graph, inputs, variables.values, { training: true, ...options });
}

/** How many samples the moving statistics are measured on. */
const statisticsSampleCount = 2048;

/**
 * Batch norm's mean and variance over some 2,000 training images, with the final weights. The paper's code keeps moving averages
 * (momentum 0.1) during training instead; those lag behind the weights, which costs accuracy after short runs, and time in every step.
 */
async function measureStatistics(
  context: StepContext,
  graph: Graph,
  data: PackedDataset,
  recipe: TrainRecipe,
): Promise<Weights> {
  const { tf } = context;
  const loader = openLoader(data, {
    split: 'train',
    seed: recipe.seed,
    batchSize: recipe.batchSize,
    augmentation: noAugmentation,
  });
  const batchCount = Math.ceil(Math.min(statisticsSampleCount, loader.sampleCount) / recipe.batchSize);
  const sums = new Map<string, Tensor>();
  for (let step = 0; step < batchCount; step++) {
    await yieldToEvents();
    tf.tidy(() => {
      runGraph(context, graph, imageTensor(context, loader.batchAt(step)), {
        onStatistics: (nodeId, mean, variance) => {
          accumulate(tf, sums, `${nodeId}/mean`, tf.div(mean, batchCount));
          accumulate(tf, sums, `${nodeId}/variance`, tf.div(variance, batchCount));
        },
      });
    });
  }
  const statistics = new Map<string, WeightTensor>();
  for (const [name, tensor] of sums) {
    statistics.set(name, { shape: tensor.shape, values: (await tensor.data()) as Float32Array });
    tensor.dispose();
  }
  return statistics;
}

function accumulate(tf: Tf, sums: Map<string, Tensor>, name: string, value: Tensor): void {
  const before = sums.get(name);
  sums.set(name, tf.keep(before ? tf.add(before, value) : value));
  before?.dispose();
}
