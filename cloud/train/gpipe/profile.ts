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

/** In the order of the network; a block without nodes costs nothing and is not among them. Times include handing tensors over, as stages do. */
export async function profileBlocks(
  tf: Tf,
  options: ProfileOptions & { readonly microBatchSize: number },
): Promise<readonly BlockCost[]> {
  const { network, data, recipe, microBatchSize, warmupCount = 3, roundCount = 10 } = options;
  const whole = trainingGraph(lower(network), recipe);
  const ids = blocksOf(whole);
  const graphs = split(
    whole,
    ids.map(() => 1),
  );
  const stages = graphs.map(
    (graph, index) =>
      new Stage(tf, {
        graph,
        isFirst: index === 0,
        isLast: index === graphs.length - 1,
        microBatchSizes: [microBatchSize],
        remat: 'none',
        recipe: { ...recipe, batchSize: microBatchSize },
        data,
      }),
  );
  const rounds: Round[][] = [];
  for (let round = 0; round < warmupCount + roundCount; round++) rounds.push(await runRound(tf, stages));
  for (const stage of stages) stage.dispose();
  const measured = rounds.slice(warmupCount);
  return ids.map((id, index) => {
    const middle = (pick: (round: Round) => number) => median(measured.map((round) => pick(round[index]!)));
    return {
      id,
      forwardMs: middle(({ forwardMs }) => forwardMs),
      backwardMs: middle(({ backwardMs }) => backwardMs),
      parameterBytes: Float32Array.BYTES_PER_ELEMENT * countParams(graphs[index]!),
      savedBytes: middle(({ savedBytes }) => savedBytes),
      boundaryBytes: middle(({ boundaryBytes }) => boundaryBytes),
    };
  });
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
    for (const { kind, microBatch } of stageOperations(layout, 0)) await stage[kind](microBatch, []);
    timesMs.push(performance.now() - startMs);
    await stage.abort();
  }
  stage.dispose();
  return median(timesMs.slice(warmupCount));
}

type Round = Pick<BlockCost, 'forwardMs' | 'backwardMs' | 'savedBytes' | 'boundaryBytes'>;

/** Forward through all stages, backward through all, nothing committed. */
async function runRound(tf: Tf, stages: readonly Stage[]): Promise<Round[]> {
  const forwards: Omit<Round, 'backwardMs'>[] = [];
  let handed: readonly StageTensor[] = [];
  for (const stage of stages) {
    await stage.begin(1);
    const [bytesBefore, startMs] = [tf.memory().numBytes, performance.now()];
    const inputBytes = bytesOf(handed);
    handed = await stage.forward(0, handed);
    const forwardMs = performance.now() - startMs;
    const savedBytes = Math.max(tf.memory().numBytes - bytesBefore - inputBytes, 0);
    forwards.push({ forwardMs, savedBytes, boundaryBytes: bytesOf(handed) });
  }
  const backwardsMs: number[] = [];
  handed = [];
  for (const stage of [...stages].reverse()) {
    const startMs = performance.now();
    handed = await stage.backward(0, handed);
    backwardsMs.unshift(performance.now() - startMs);
    await stage.abort();
  }
  return forwards.map((forward, index) => ({ ...forward, backwardMs: backwardsMs[index]! }));
}

function bytesOf(tensors: readonly StageTensor[]): number {
  return tensors.reduce((sum, { values }) => sum + values.byteLength, 0);
}
