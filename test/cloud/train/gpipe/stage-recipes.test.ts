/** What stages come to by the recipes of the papers: the bits of one loop over the micro-batches, however the network is cut. */
import type { Remat } from '@bespoke/cloud/train/gpipe/schedule.js';
import type { TrainRecipe } from '@bespoke/cloud/train/recipe.js';
import { trainingGraph } from '@bespoke/cloud/train/tfjs/auxiliary-head.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { trainedWeights } from '@bespoke/cloud/train/tfjs/variables.js';
import { verifyWeights, type Weights } from '@bespoke/shared/graph/weights.js';
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
  ({ tf } = await openBackend());
});

const stepCount = 3;
/** In 1 and in 3 (4 + 3 + 3). */
const batchSize = 10;

/** Parts of recipes. `drops` is steep: its third step cuts a fifth of the paths. */
const parts = {
  rmsprop: { optimizer: { kind: 'rmsprop', squareDecay: 0.9, epsilon: 1e-3 } },
  adam: { optimizer: { kind: 'adam', squareDecay: 0.99, epsilon: 1e-8 } },
  clipped: { clipNorm: 0.05 },
  averaged: { averageDecay: 0.5 },
  mixed: { augmentation: { ...recipeOf(batchSize).augmentation, mixupAlpha: 0.4 } },
  drops: { dropout: 0.3, dropPath: 0.3, stepCount },
  auxiliary: { auxiliaryWeight: 0.4 },
} as const satisfies Record<string, Partial<TrainRecipe>>;

const recipes = {
  rmsprop: { ...parts.rmsprop, weightDecay: 1e-2 },
  adam: { ...parts.adam, weightDecay: 1e-2 },
  clipped: parts.clipped,
  averaged: parts.averaged,
  mixed: parts.mixed,
  drops: parts.drops,
  auxiliary: parts.auxiliary,
  all: {
    ...parts.rmsprop,
    ...parts.clipped,
    ...parts.averaged,
    ...parts.mixed,
    ...parts.drops,
    ...parts.auxiliary,
    weightDecay: 1e-2,
  },
} satisfies Record<string, Partial<TrainRecipe>>;
type RecipeName = keyof typeof recipes;

interface Case {
  readonly recipe: RecipeName;
  readonly name: NetworkName;
  readonly K: number;
  readonly M: number;
  readonly remat: Remat;
}

const recipeNames = Object.keys(recipes) as RecipeName[];
const networkOf = (recipe: RecipeName): NetworkName => ('auxiliaryWeight' in recipes[recipe] ? 'deep' : 'cells');
/** Cells, in which paths are cut, with every recipe, K and M. */
const cases = recipeNames.flatMap((recipe) =>
  [1, 2, 3].flatMap((K) =>
    [1, 3].flatMap((M) =>
      (['none', 'always'] as const).map((remat): Case => ({ recipe, name: networkOf(recipe), K, M, remat })),
    ),
  ),
);
/** In one partition more: the norm of the gradients, and everything, in a chain. */
cases.push(
  { recipe: 'clipped', name: 'cells', K: 4, M: 3, remat: 'except-last' },
  { recipe: 'all', name: 'mbconv', K: 4, M: 3, remat: 'except-last' },
);

const recipeNamed = (recipe: RecipeName): TrainRecipe => ({ ...recipeOf(batchSize), ...recipes[recipe] });

const graphOf = (name: NetworkName, recipe: TrainRecipe) => trainingGraph(lower(networks[name].network), recipe);

const references = new Map<string, Promise<Weights[]>>();
function referenceOf(name: NetworkName, recipe: RecipeName, M: number): Promise<Weights[]> {
  const key = `${name} ${recipe} ${M}`;
  const graph = graphOf(name, recipeNamed(recipe));
  const course = { graph, recipe: recipeNamed(recipe), data, microBatchSizes: sizesOf(batchSize, M) };
  if (!references.has(key)) references.set(key, loopOverMicroBatches(tf, course, stepCount));
  return references.get(key)!;
}

function pipelineOf({ name, recipe, K, M, remat }: Case): LocalPipeline {
  const own = recipeNamed(recipe);
  const graphs = partitionsOf(name, K, own);
  return new LocalPipeline(tf, { graphs, recipe: own, microBatchSizes: sizesOf(batchSize, M), remat });
}

async function advance(pipeline: LocalPipeline, ...steps: readonly number[]): Promise<void> {
  for (const step of steps) {
    await pipeline.run(step);
    await pipeline.commit(step);
  }
}

describe('Stage: recipes', () => {
  it.each(cases)(
    'come to the bits of one loop over the micro-batches: $recipe, $name, K = $K, M = $M, remat $remat',
    async (one) => {
      const reference = await referenceOf(one.name, one.recipe, one.M);
      const pipeline = pipelineOf(one);
      for (let step = 1; step <= stepCount; step++) {
        await advance(pipeline, step);
        expect(bytesOf(await pipeline.state())).toEqual(bytesOf(reference[step - 1]!));
      }
      pipeline.dispose();
    },
  );

  it.each(recipeNames)('each change the weights: %s', async (recipe) => {
    const name = networkOf(recipe);
    const graph = lower(networks[name].network);
    const course = { graph, recipe: recipeOf(batchSize), data, microBatchSizes: [batchSize] };
    const plain = await loopOverMicroBatches(tf, course, stepCount);
    const last = (states: Weights[]) => bytesOf(trainedWeights(graph, states.at(-1)!));
    expect(last(await referenceOf(name, recipe, 1))).not.toEqual(last(plain));
  });

  it('go on from their state in other partitions, after an abort, with no tensor left behind', async () => {
    const one = { recipe: 'all', name: 'deep', M: 3, remat: 'none' } as const;
    const reference = await referenceOf(one.name, one.recipe, one.M);
    const before = tf.memory().numTensors;
    const two = pipelineOf({ ...one, K: 2 });
    await advance(two, 1);
    const three = pipelineOf({ ...one, K: 3 });
    await three.restore(await two.state());
    two.dispose();
    await three.run(2);
    for (const stage of three.stages) await stage.abort();
    await advance(three, 2, 3);
    expect(bytesOf(await three.state())).toEqual(bytesOf(reference[2]!));
    three.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('hand out running means of weights and statistics, without the auxiliary head', async () => {
    const state = (await referenceOf('deep', 'all', 1)).at(-1)!;
    const graph = lower(networks.deep.network);
    const weights = trainedWeights(graph, state);
    verifyWeights(graph, weights);
    expect([...state.keys()].some((key) => key.includes('auxiliary'))).toBe(true);
    for (const [name, { values }] of weights) expect(values).toEqual(state.get(`average:${name}`)!.values);
    const [filter, mean] = ['head/classifier/filter', 'd/pre0-norm/mean'];
    for (const name of [filter, mean]) expect(weights.get(name)).not.toEqual(state.get(`value:${name}`));
  });
});
