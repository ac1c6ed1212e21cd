import type { Remat } from '@bespoke/cloud/train/gpipe/remat.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Tf } from '@bespoke/shared/tfjs/tf.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, data, LocalPipeline, type NetworkName, networks, recipeOf, sizesOf } from './local-pipeline.js';
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
  readonly order: 'gpipe' | '1f1b';
  readonly remat: Remat;
}

/** All networks, K and M together; order and remat so that every pair of values of two factors occurs. */
const cases = (['mbconv', 'cells'] as const).flatMap((name, n) =>
  [1, 2, 3, 4].flatMap((K) =>
    ([1, 3, 4, 8] as const).map((M, m): Case => {
      const order = (['gpipe', '1f1b'] as const)[(K + m + n) % 2]!;
      const remat = (['none', 'except-last', 'always'] as const)[(K + m) % 3]!;
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

function pipelineOf({ name, K, M, remat }: Case): LocalPipeline {
  const { network, cuts } = networks[name];
  const batchSize = divisions[M];
  return new LocalPipeline(tf, {
    network,
    cuts: cuts[K - 1]!,
    recipe: recipeOf(batchSize),
    microBatchSizes: sizesOf(batchSize, M),
    remat,
  });
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
});
