/**
 * The reference that stages are held against: one process, one partition, the micro-batches one after the other by tfjs's own gradients, summed in that order.
 * It shares with the stages the loader, the execution of a Graph, the masks of a mini-batch and the optimizer, and nothing of how a stage parts forward from backward.
 */

import { type Batch, openLoader, sliceLabels } from '@bespoke/cloud/train/data/loader.js';
import { imageSize, type PackedDataset } from '@bespoke/cloud/train/data/packed.js';
import { type ChannelMoments, mergeMoments } from '@bespoke/cloud/train/gpipe/batch-statistics.js';
import { learningRateAt, type TrainRecipe } from '@bespoke/cloud/train/recipe.js';
import { DropMasks } from '@bespoke/cloud/train/tfjs/drop-masks.js';
import { crossEntropy } from '@bespoke/cloud/train/tfjs/loss.js';
import { applyGradients } from '@bespoke/cloud/train/tfjs/optimizer.js';
import { imageTensor, targetTensor } from '@bespoke/cloud/train/tfjs/step.js';
import { Variables } from '@bespoke/cloud/train/tfjs/variables.js';
import type { Graph, TensorId } from '@bespoke/shared/graph/graph.js';
import { declareWeights, initializeWeights, type Weights, type WeightTensor } from '@bespoke/shared/graph/weights.js';
import { execute } from '@bespoke/shared/tfjs/execute.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';

export interface Course {
  /** As the recipe trains it. */
  readonly graph: Graph;
  readonly recipe: TrainRecipe;
  readonly data: PackedDataset;
  readonly microBatchSizes: readonly number[];
}

/** The states after each of the steps, by the names of `Stage.state`. */
export async function loopOverMicroBatches(tf: Tf, course: Course, stepCount: number): Promise<Weights[]> {
  const { graph, recipe, data } = course;
  const initial = initializeWeights(graph, recipe.seed);
  const declared = declareWeights(graph);
  const names = [...declared.keys()].filter((name) => declared.get(name)!.trainable);
  const variables = new Variables(tf, new Map(names.map((name) => [name, initial.get(name)!])));
  let running: Weights = new Map([...initial].filter(([name]) => !declared.get(name)!.trainable));
  let averages: Weights = recipe.averageDecay === undefined ? new Map() : running;
  const loader = openLoader(data, { ...recipe, split: 'train' });
  const drops = new DropMasks(graph, recipe);
  const states: Weights[] = [];
  for (let step = 0; step < stepCount; step++) {
    const batch = loader.batchAt(step);
    drops.draw(step);
    const masks = drops.tensors(tf);
    const moments = new Map<string, ChannelMoments>();
    let sums: Tensor[] = [];
    let first = 0;
    for (const count of course.microBatchSizes) {
      const gradients = gradientsOf(
        tf,
        course,
        variables,
        names,
        moments,
        part(tf, course, batch, masks, first, count),
      );
      sums = sums.length === 0 ? gradients : sums.map((sum, index) => tf.add(sum, gradients[index]!));
      first += count;
    }
    tf.dispose([...masks.values()]);
    applyGradients(tf, variables, names, sums, {
      ...recipe,
      stepsDone: step,
      learningRate: learningRateAt(recipe, step),
      gradientScale: scaleOf(recipe, names, sums),
    });
    running = follow(running, moments);
    if (recipe.averageDecay !== undefined)
      averages = lag(averages, running, Math.min(recipe.averageDecay, (1 + step) / (10 + step)));
    const prefixed = (prefix: string, weights: Weights) =>
      [...weights].map(([name, weight]) => [`${prefix}:${name}`, weight] as const);
    states.push(
      new Map([...(await variables.readState()), ...prefixed('value', running), ...prefixed('average', averages)]),
    );
  }
  variables.dispose();
  return states;
}

interface Part extends Batch {
  readonly masks: ReadonlyMap<TensorId, Tensor>;
}

/** Samples [first, first + count) of a mini-batch. */
function part(
  tf: Tf,
  { data: { manifest } }: Course,
  batch: Batch,
  masks: ReadonlyMap<TensorId, Tensor>,
  first: number,
  count: number,
): Part {
  const size = imageSize(manifest);
  const images = batch.images.subarray(first * size, (first + count) * size);
  const cut = [...masks].map(([id, mask]) => [id, tf.slice(mask, first, count)] as const);
  return { ...sliceLabels(batch, first, count), images, count, masks: new Map(cut) };
}

/** What the gradients are multiplied by, so that they are no longer than `clipNorm`, all together. */
function scaleOf({ clipNorm }: TrainRecipe, names: readonly string[], gradients: readonly Tensor[]): number {
  if (clipNorm === undefined) return 1;
  let sum = 0;
  for (const name of [...names].sort()) {
    let own = 0;
    for (const value of gradients[names.indexOf(name)]!.dataSync()) own += value * value;
    sum += own;
  }
  return Math.sqrt(sum) > clipNorm ? clipNorm / Math.sqrt(sum) : 1;
}

/** Of one micro-batch, in the order of `names`; its statistics are added to `moments`. */
function gradientsOf(
  tf: Tf,
  { graph, recipe, data: { manifest } }: Course,
  variables: Variables,
  names: readonly string[],
  moments: Map<string, ChannelMoments>,
  batch: Part,
): Tensor[] {
  const x = imageTensor({ tf, manifest }, batch);
  const targets = targetTensor({ tf, manifest }, batch, recipe.labelSmoothing, recipe.batchSize);
  const valuesPerChannel = new Map(
    graph.nodes.map(({ id, shape }) => [
      id,
      batch.count * shape.slice(0, -1).reduce((product, size) => product * size, 1),
    ]),
  );
  const onStatistics = (id: string, mean: Tensor, variance: Tensor) => {
    const count = valuesPerChannel.get(id)!;
    const own = {
      count,
      mean: Float64Array.from(mean.dataSync()),
      squares: Float64Array.from(variance.dataSync(), (value) => value * (count - 1)),
    };
    moments.set(id, moments.has(id) ? mergeMoments(moments.get(id)!, own) : own);
  };
  const loss = () => {
    const [logits, auxiliary] = execute(tf, graph, new Map([[graph.inputs[0]!.id, x]]), variables.values, {
      training: true,
      masks: batch.masks,
      onStatistics,
    });
    const own = crossEntropy(tf, logits!, targets);
    return auxiliary ? tf.add(own, tf.mul(crossEntropy(tf, auxiliary, targets), recipe.auxiliaryWeight!)) : own;
  };
  const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => variables.values.get(name)!));
  tf.dispose([x, targets, value, ...batch.masks.values()]);
  return grads;
}

/** The running averages, a tenth of the way towards the statistics of the mini-batch. */
function follow(running: Weights, moments: ReadonlyMap<string, ChannelMoments>): Weights {
  return new Map(
    [...running].map(([name, { shape, values }]): [string, WeightTensor] => {
      const [id, kind] = [name.slice(0, name.lastIndexOf('/')), name.slice(name.lastIndexOf('/') + 1)];
      const { count, mean, squares } = moments.get(id)!;
      const news = kind === 'mean' ? mean : squares.map((sum) => sum / (count - 1));
      return [name, { shape, values: values.map((value, channel) => value + 0.1 * (news[channel]! - value)) }];
    }),
  );
}

/** Means of the running averages, of this share of the old. */
function lag(averages: Weights, running: Weights, decay: number): Weights {
  return new Map(
    [...averages].map(([name, { shape, values }]): [string, WeightTensor] => {
      const news = running.get(name)!.values;
      return [name, { shape, values: values.map((value, at) => value + (1 - decay) * (news[at]! - value)) }];
    }),
  );
}
