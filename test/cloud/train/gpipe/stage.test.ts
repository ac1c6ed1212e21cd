import type { Remat } from '@bespoke/cloud/train/gpipe/schedule.js';
import type { Stage } from '@bespoke/cloud/train/gpipe/stage.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { type Graph, GraphBuilder } from '@bespoke/shared/graph/graph.js';
import { split } from '@bespoke/shared/graph/split.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Tf } from '@bespoke/shared/tfjs/tf.js';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  bytesOf,
  data,
  LocalPipeline,
  type NetworkName,
  networks,
  partitionsOf,
  recipeOf,
  sizesOf,
} from './local-pipeline.js';
import { loopOverMicroBatches } from './reference-loop.js';

let tf: Tf;
beforeAll(async () => {
  const opened = await openBackend();
  tf = opened.tf;
  console.log(`backend: ${opened.backend} ${opened.version}`);
});

const stepCount = 3;
/** Even and uneven: 10 samples in 1, in 3 (4 + 3 + 3), in 4; 9 in 8. */
const divisions = { 1: 10, 3: 10, 4: 10, 8: 9 } as const;
type MicroBatchCount = keyof typeof divisions;

interface Case {
  readonly name: NetworkName;
  readonly K: number;
  readonly M: MicroBatchCount;
  readonly order: 'gpipe' | '1f1b' | 'zero-bubble';
  readonly remat: Remat;
}

/** All networks, K and M together; order and remat so that every pair of values of two factors occurs. */
const cases = (['mbconv', 'cells'] as const).flatMap((name, n) =>
  [1, 2, 3, 4].flatMap((K) =>
    ([1, 3, 4, 8] as const).map((M, m): Case => {
      const order = (['gpipe', '1f1b', 'zero-bubble'] as const)[(K + m + n) % 3]!;
      const remat = (['none', 'except-last', 'always'] as const)[(K + 2 * m) % 3]!;
      return { name, K, M, order, remat };
    }),
  ),
);

const references = new Map<string, Promise<Weights[]>>();
function referenceOf(name: NetworkName, M: MicroBatchCount): Promise<Weights[]> {
  const key = `${name} ${M}`;
  const batchSize = divisions[M];
  const course = {
    graph: lower(networks[name].network),
    recipe: recipeOf(batchSize),
    data,
    microBatchSizes: sizesOf(batchSize, M),
  };
  if (!references.has(key)) references.set(key, loopOverMicroBatches(tf, course, stepCount));
  return references.get(key)!;
}

function pipelineOf({ name, K, M, remat = 'none' }: Pick<Case, 'name' | 'K' | 'M'> & { remat?: Remat }): LocalPipeline {
  const batchSize = divisions[M];
  const [recipe, microBatchSizes] = [recipeOf(batchSize), sizesOf(batchSize, M)];
  return new LocalPipeline(tf, { graphs: partitionsOf(name, K), recipe, microBatchSizes, remat });
}

async function advance(pipeline: LocalPipeline, ...steps: readonly number[]): Promise<void> {
  for (const step of steps) {
    await pipeline.run(step);
    await pipeline.commit(step);
  }
}

describe('Stage: bits', () => {
  it('are compared for every pair of values of two factors', () => {
    const factors = ['name', 'K', 'M', 'order', 'remat'] as const;
    const valuesOf = (factor: (typeof factors)[number]) => new Set(cases.map((one) => one[factor])).size;
    for (const [index, a] of factors.entries()) {
      for (const b of factors.slice(index + 1)) {
        expect(new Set(cases.map((one) => `${one[a]} ${one[b]}`)).size, `${a}, ${b}`).toBe(valuesOf(a) * valuesOf(b));
      }
    }
  });

  it.each(cases)(
    'are those of one loop over the micro-batches: $name, K = $K, M = $M, $order, remat $remat',
    async (one) => {
      const reference = await referenceOf(one.name, one.M);
      const pipeline = pipelineOf(one);
      for (let step = 1; step <= stepCount; step++) {
        await pipeline.run(step, one.order);
        await pipeline.commit(step);
        expect(bytesOf(await pipeline.state())).toEqual(bytesOf(reference[step - 1]!));
      }
      pipeline.dispose();
    },
  );

  it('are the same with weight decay, and when it is recomputed before the gradient comes', async () => {
    const recipe = { ...recipeOf(10), weightDecay: 1e-2 };
    const [graphs, microBatchSizes] = [partitionsOf('mbconv', 3), [6, 1, 3]];
    const course = { graph: lower(networks.mbconv.network), recipe, data, microBatchSizes };
    const reference = await loopOverMicroBatches(tf, course, stepCount);
    const pipeline = new LocalPipeline(tf, { graphs, recipe, microBatchSizes, remat: 'except-last' });
    for (let step = 1; step <= stepCount; step++) {
      await pipeline.run(step, 'recomputing');
      await pipeline.commit(step);
    }
    expect(bytesOf(await pipeline.state())).toEqual(bytesOf(reference.at(-1)!));
    pipeline.dispose();
  });
});

describe('Stage: state', () => {
  it('goes on in another number of partitions', async () => {
    const reference = await referenceOf('cells', 4);
    const two = pipelineOf({ name: 'cells', K: 2, M: 4 });
    await advance(two, 1, 2);
    const three = pipelineOf({ name: 'cells', K: 3, M: 4 });
    await three.restore(await two.state());
    await advance(three, 3);
    expect(bytesOf(await three.state())).toEqual(bytesOf(reference[2]!));
    two.dispose();
    three.dispose();
  });

  it('refuses a state that lacks a weight', async () => {
    const pipeline = pipelineOf({ name: 'mbconv', K: 2, M: 3 });
    const state = new Map(await pipeline.state());
    state.delete('value:stem/conv/filter');
    await expect(pipeline.restore(state)).rejects.toMatchObject({ code: 'WEIGHTS_MISMATCH' });
    pipeline.dispose();
  });

  it('is as if begin had not been called after an abort, in the midst of a step or after its last backward', async () => {
    const reference = await referenceOf('mbconv', 4);
    const pipeline = pipelineOf({ name: 'mbconv', K: 2, M: 4, remat: 'except-last' });
    await advance(pipeline, 1);
    const [first, last] = pipeline.stages as [Stage, Stage];
    await first.begin(2);
    await last.begin(2);
    await last.forward(0, await first.forward(0, []));
    await first.forward(1, []);
    await last.backward(0, []);
    await first.abort();
    await last.abort();
    const clean = tf.memory().numTensors;
    await pipeline.run(2);
    await first.abort();
    await last.abort();
    expect(tf.memory().numTensors).toBe(clean);
    expect(bytesOf(await pipeline.state())).toEqual(bytesOf(reference[0]!));
    await advance(pipeline, 2);
    expect(bytesOf(await pipeline.state())).toEqual(bytesOf(reference[1]!));
    pipeline.dispose();
  });

  it.each(['none', 'except-last', 'always'] as const)('keeps no tensor of a step: remat %s', async (remat) => {
    const before = tf.memory().numTensors;
    const pipeline = pipelineOf({ name: 'cells', K: 3, M: 3, remat });
    await advance(pipeline, 1);
    const afterOne = tf.memory().numTensors;
    await advance(pipeline, 2, 3);
    expect(tf.memory().numTensors).toBe(afterOne);
    pipeline.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names the loss and the right answers of the mini-batch, the same in any number of partitions', async () => {
    const figures = await Promise.all(
      [1, 3].map(async (K) => {
        const pipeline = pipelineOf({ name: 'mbconv', K, M: 3 });
        const ofStages = await pipeline.run(1);
        pipeline.dispose();
        expect(ofStages.slice(0, -1)).toEqual(Array(K - 1).fill({}));
        return ofStages.at(-1)!;
      }),
    );
    expect(figures[0]).toEqual(figures[1]);
    expect(figures[0]!.lossSum).toBeGreaterThan(0);
    expect(figures[0]!.correctCount).toBeLessThanOrEqual(10);
  });
});

/** Convolutions with biases, no batch norm: the gradient of a mini-batch does not depend on how it is divided. */
function graphWithoutNorms(): Graph {
  const builder = new GraphBuilder();
  const conv = { filters: 6, kernel: [3, 3], stride: [1, 1], dilation: 1, bias: true, fused: 'none' } as const;
  let x = builder.input('x', [8, 8, 1]);
  for (const block of ['a', 'b', 'c']) {
    x = builder.add(block, 'act', 'activation', { kind: 'relu' }, builder.add(block, 'conv', 'conv2d', { ...conv }, x));
  }
  const pooled = builder.add('head', 'pool', 'globalAvgPool', {}, x);
  return builder.build([builder.add('head', 'dense', 'dense', { units: 2, bias: true, fused: 'none' }, pooled)]);
}

describe('Stage: micro-batches', () => {
  it.each([[5, 5], [4, 3, 3], [6, 1, 3], Array(10).fill(1)])(
    'come to the gradients and the weights of the whole mini-batch: %j',
    async (...microBatchSizes: number[]) => {
      const graph = graphWithoutNorms();
      const recipe = recipeOf(10);
      const whole = await loopOverMicroBatches(tf, { graph, recipe, data, microBatchSizes: [10] }, stepCount);
      const pipeline = new LocalPipeline(tf, { graphs: split(graph, [2, 2]), recipe, microBatchSizes });
      for (let step = 1; step <= stepCount; step++) {
        await advance(pipeline, step);
        const state = await pipeline.state();
        expect([...state.keys()].sort()).toEqual([...whole[step - 1]!.keys()].sort());
        for (const [name, { values }] of whole[step - 1]!) {
          expect(relativeDistance(state.get(name)!.values, values), name).toBeLessThanOrEqual(1e-4);
        }
      }
      pipeline.dispose();
    },
  );
});

/** |a - b| / |b| */
function relativeDistance(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((value, index) => value - b[index]!)) / Math.hypot(...b);
}
