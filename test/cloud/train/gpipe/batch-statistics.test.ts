import { openLoader } from '@bespoke/cloud/train/data/loader.js';
import { type ChannelMoments, mergeMoments } from '@bespoke/cloud/train/gpipe/batch-statistics.js';
import type { Remat } from '@bespoke/cloud/train/gpipe/schedule.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { imageTensor } from '@bespoke/cloud/train/tfjs/step.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { GraphBuilder } from '@bespoke/shared/graph/graph.js';
import { initializeWeights, type Weights } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { execute } from '@bespoke/shared/tfjs/execute.js';
import type { Tf } from '@bespoke/shared/tfjs/tf.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, data, LocalPipeline, networks, partitionsOf, recipeOf, sizesOf } from './local-pipeline.js';

let tf: Tf;
beforeAll(async () => {
  tf = (await openBackend()).tf;
});

/** In float64, by two passes; variance unbiased. */
function momentsOf(values: readonly number[]) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, squares, variance: squares / (values.length - 1) };
}

const chunk = (values: readonly number[]): ChannelMoments => {
  const { mean, squares } = momentsOf(values);
  return { count: values.length, mean: Float64Array.of(mean), squares: Float64Array.of(squares) };
};

describe('mergeMoments', () => {
  it('holds where the mean is a thousand deviations, and a float32 E[x^2] - E[x]^2 does not', () => {
    const stream = randomStream(3, 'moments');
    const values = Array.from({ length: 5000 }, () => 1000 + stream.normal());
    const whole = momentsOf(values);
    const parts = [0, 7, 1000, 1001, 3500].map((from, index, all) => chunk(values.slice(from, all[index + 1])));
    const merged = parts.reduce(mergeMoments);
    expect(merged.count).toBe(5000);
    expect(merged.mean[0]! / whole.mean).toBeCloseTo(1, 12);
    expect(merged.squares[0]! / (merged.count - 1) / whole.variance).toBeCloseTo(1, 10);

    let [sum, sumOfSquares] = [0, 0];
    for (const value of values) {
      sum = Math.fround(sum + value);
      sumOfSquares = Math.fround(sumOfSquares + Math.fround(value * value));
    }
    const naive = Math.fround(sumOfSquares / 5000) - Math.fround((sum / 5000) ** 2);
    expect(Math.abs(naive / whole.variance - 1)).toBeGreaterThan(1e-2);
  });
});

/** Running mean and variance of every batch norm after the first step, with those before its commit. */
async function statisticsAfterStep(K: number, microBatchSizes: readonly number[], remat: Remat) {
  const pipeline = new LocalPipeline(tf, {
    graphs: partitionsOf('mbconv', K),
    recipe: recipeOf(10),
    microBatchSizes,
    remat,
  });
  const pick = (state: Weights): Weights =>
    new Map([...state].filter(([name]) => /^value:.*\/(mean|variance)$/.test(name)));
  await pipeline.run(1);
  const before = pick(await pipeline.state());
  await pipeline.commit(1);
  const after = pick(await pipeline.state());
  pipeline.dispose();
  return { before, after };
}

/** Of the first convolution's outputs, channel by channel, over the whole mini-batch of step 1. */
function wholeBatchMoments() {
  const graph = lower(networks.mbconv.network);
  const builder = new GraphBuilder();
  for (const { id, shape } of graph.inputs) builder.input(id, shape);
  const [conv, norm] = graph.nodes;
  const alone = builder.build([builder.addNode(conv!.id, conv!.op, conv!.attributes as never, conv!.inputs)]);
  const batch = openLoader(data, { ...recipeOf(10), split: 'train' }).batchAt(0);
  const outputs = tf.tidy(() => {
    const weights = new Map(
      [...initializeWeights(alone, recipeOf(10).seed)].map(([name, { shape, values }]) => [
        name,
        tf.tensor(values, [...shape]),
      ]),
    );
    const x = imageTensor({ tf, manifest: data.manifest }, batch);
    return [...execute(tf, alone, new Map([[graph.inputs[0]!.id, x]]), weights, { training: true })[0]!.dataSync()];
  });
  const channelCount = norm!.shape.at(-1)!;
  const channels = Array.from({ length: channelCount }, (_, channel) =>
    momentsOf(outputs.filter((_, index) => index % channelCount === channel)),
  );
  return { id: norm!.id, channels };
}

describe('BatchStatistics', () => {
  it.each([[[10]], [[4, 3, 3]], [[3, 3, 2, 2]], [[6, 1, 3]], [Array(10).fill(1)]])(
    'moves the running averages to those of the whole mini-batch, once and in the commit: %j',
    async (microBatchSizes) => {
      const { id, channels } = wholeBatchMoments(); // moved by a tenth: 1e-7 of the average is 1e-6 of the statistic
      const { before, after } = await statisticsAfterStep(2, microBatchSizes, 'except-last');
      for (const [channel, { mean, variance }] of channels.entries()) {
        const at = (state: Weights, name: string) => state.get(`value:${id}/${name}`)!.values[channel]!;
        expect([at(before, 'mean'), at(before, 'variance')]).toEqual([0, 1]);
        expect(Math.abs(at(after, 'mean') - 0.1 * mean)).toBeLessThanOrEqual(1e-7);
        expect(Math.abs(at(after, 'variance') - (0.9 + 0.1 * variance))).toBeLessThanOrEqual(1e-7);
        expect(Math.abs(mean)).toBeGreaterThan(1e-3);
      }
    },
  );

  it('has the same bits for every K and remat', async () => {
    const sizes = sizesOf(10, 3);
    const { after } = await statisticsAfterStep(1, sizes, 'none');
    expect(after.size).toBeGreaterThan(10);
    for (const K of [2, 3, 4]) {
      for (const remat of ['none', 'except-last', 'always'] as const)
        expect(bytesOf((await statisticsAfterStep(K, sizes, remat)).after)).toEqual(bytesOf(after));
    }
  });
});
