/**
 * Profile: what every block of a network costs with micro-batches of one size, measured where it will be trained. Each block is a stage of its own, driven through forward and
 * backward of one micro-batch; medians over rounds, the first of which only warm up.
 */
import { blocksOf, split } from '@bespoke/shared/graph/split.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { median } from '@bespoke/shared/latency/statistics.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { Tf } from '@bespoke/shared/tfjs/tf.js';
import type { PackedDataset } from '../data/packed.js';
import type { TrainRecipe } from '../recipe.js';
import { trainingGraph } from '../tfjs/auxiliary-head.js';
import { yieldToEvents } from '../tfjs/step.js';
import type { BlockCost } from './costs.js';
import { stageOperations } from './schedule.js';
import { Stage } from './stage.js';
import type { StageTensor } from './stage-runner.js';

export interface ProfileOptions {
  readonly network: Network;
  readonly data: PackedDataset;
  readonly recipe: TrainRecipe;
  readonly warmupCount?: number;
  readonly roundCount?: number;
}

/**
 * In the order of the network; a block without nodes costs nothing and is not among them. Times include handing tensors over, as stages do. One block after the other, so that
 * a network can be profiled that no process holds.
 */
export async function profileBlocks(
  tf: Tf,
  options: ProfileOptions & { readonly microBatchSize: number },
): Promise<readonly BlockCost[]> {
  const { network, data, recipe, microBatchSize } = options;
  const whole = trainingGraph(lower(network), recipe);
  const ids = blocksOf(whole);
  const graphs = split(
    whole,
    ids.map(() => 1),
  );
  const costs: BlockCost[] = [];
  let inputs: readonly StageTensor[] = [];
  for (const [index, graph] of graphs.entries()) {
    const stage = new Stage(tf, {
      graph,
      isFirst: index === 0,
      isLast: index === graphs.length - 1,
      microBatchSizes: [microBatchSize],
      remat: 'none',
      recipe: { ...recipe, batchSize: microBatchSize },
      data,
    });
    const { outputs, ...cost } = await profileStage(stage, inputs, options);
    stage.dispose();
    costs.push({ id: ids[index]!, parameterBytes: Float32Array.BYTES_PER_ELEMENT * countParams(graph), ...cost });
    inputs = outputs;
  }
  return costs;
}

/**
 * Median time in ms of a step of one process that takes micro-batch after micro-batch, without its commit.
 * `microBatchSizes` add up to the mini-batch.
 */
export async function measureStep(
  tf: Tf,
  options: ProfileOptions & { readonly microBatchSizes: readonly number[] },
): Promise<number> {
  const { network, data, recipe, microBatchSizes, warmupCount = 1, roundCount = 3 } = options;
  const graph = trainingGraph(lower(network), recipe);
  const stage = new Stage(tf, { graph, isFirst: true, isLast: true, microBatchSizes, remat: 'none', recipe, data });
  const layout = { schedule: '1f1b', remat: 'none', stageCount: 1, microBatchCount: microBatchSizes.length } as const;
  const timesMs: number[] = [];
  for (let round = 0; round < warmupCount + roundCount; round++) {
    const startMs = performance.now();
    await stage.begin(1);
    for (const { kind, microBatch } of stageOperations(layout, 0)) {
      await yieldToEvents();
      await stage[kind](microBatch, []);
    }
    timesMs.push(performance.now() - startMs);
    await stage.abort();
  }
  stage.dispose();
  return median(timesMs.slice(warmupCount));
}

type Measured = Pick<BlockCost, 'forwardMs' | 'backwardMs' | 'weightGradientMs' | 'savedBytes' | 'boundaryBytes'>;

/** Medians over the rounds, and what the stage gives for `inputs`. */
async function profileStage(
  stage: Stage,
  inputs: readonly StageTensor[],
  { warmupCount = 3, roundCount = 10 }: ProfileOptions,
): Promise<Measured & { readonly outputs: readonly StageTensor[] }> {
  const rounds: Round[] = [];
  for (let round = 0; round < warmupCount + roundCount; round++) {
    await yieldToEvents();
    rounds.push(await runRound(stage, inputs));
  }
  const measured = rounds.slice(warmupCount);
  const middle = (pick: (round: Round) => number) => median(measured.map(pick));
  const { outputs } = rounds.at(-1)!;
  return {
    forwardMs: middle(({ forwardMs }) => forwardMs),
    backwardMs: middle(({ backwardMs }) => backwardMs),
    weightGradientMs: middle(({ weightGradientMs }) => weightGradientMs),
    savedBytes: middle(({ savedBytes }) => savedBytes),
    boundaryBytes: bytesOf(outputs),
    outputs,
  };
}

interface Round extends Omit<Measured, 'boundaryBytes'> {
  readonly outputs: readonly StageTensor[];
}

/** Forward and backward of one micro-batch, nothing committed. What is handed back is small everywhere: no kernel is quicker for its values. */
async function runRound(stage: Stage, inputs: readonly StageTensor[]): Promise<Round> {
  await stage.begin(1);
  const startMs = performance.now();
  const outputs = await stage.forward(0, inputs);
  const forwardMs = performance.now() - startMs;
  const { savedBytes } = stage;
  const gradients = outputs.map(({ shape, values }) => ({ shape, values: new Float32Array(values.length).fill(1e-3) }));
  const turnedMs = performance.now();
  await stage.inputGradients(0, gradients);
  const partedMs = performance.now();
  await stage.weightGradients(0);
  const endMs = performance.now();
  await stage.abort();
  const [backwardMs, weightGradientMs] = [endMs - turnedMs, endMs - partedMs];
  return { forwardMs, backwardMs, weightGradientMs, savedBytes, outputs };
}

function bytesOf(tensors: readonly StageTensor[]): number {
  return tensors.reduce((sum, { values }) => sum + values.byteLength, 0);
}
