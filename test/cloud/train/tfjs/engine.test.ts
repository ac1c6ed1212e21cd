import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { choose } from '@bespoke/cloud/search/space.js';
import type { Engine } from '@bespoke/cloud/train/engine.js';
import type { TrainRecipe } from '@bespoke/cloud/train/recipe.js';
import { trainingGraph } from '@bespoke/cloud/train/tfjs/auxiliary-head.js';
import { type OpenedBackend, openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { tfjsEngine } from '@bespoke/cloud/train/tfjs/engine.js';
import { trainedWeights } from '@bespoke/cloud/train/tfjs/variables.js';
import { hashJson } from '@bespoke/shared/base/json.js';
import { verifyWeights } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networks } from '../gpipe/local-pipeline.js';
import { loopOverMicroBatches } from '../gpipe/reference-loop.js';
import { tinyData, tinyRecipe, tinySpace } from './tiny.js';

let opened: OpenedBackend;
let engine: Engine;
let folder: string;
beforeAll(async () => {
  opened = await openBackend();
  engine = tfjsEngine(opened);
  folder = mkdtempSync(join(tmpdir(), 'bespoke-engine-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const data = tinyData();
const graph = lower(choose(tinySpace, [0, 0, 2, 0]));

const cells = lower(networks.cells.network);

/** What a recipe may have over the tiny one. */
const recipes: readonly Partial<TrainRecipe>[] = [
  {},
  { optimizer: { kind: 'adam', squareDecay: 0.99, epsilon: 1e-8 }, clipNorm: 0.1 },
  {
    optimizer: { kind: 'rmsprop', squareDecay: 0.9, epsilon: 1 },
    stepDecay: { factor: 0.5, everyStepCount: 2 },
    averageDecay: 0.5,
    dropout: 0.4,
    augmentation: { ...tinyRecipe.augmentation, mixupAlpha: 0.5 },
  },
];

describe('Engine.train', () => {
  it('learns an easy data set, and measures the statistics that evaluation needs', async () => {
    const losses: number[] = [];
    const weights = await engine.train(
      graph,
      data,
      { ...tinyRecipe, stepCount: 40 },
      { onProgress: ({ loss }) => losses.push(loss) },
    );
    verifyWeights(graph, weights);
    expect(losses).toHaveLength(40);
    const { accuracy, count, loss } = await engine.evaluate(graph, weights, data, 'test');
    expect(count).toBe(32);
    expect(accuracy).toBeGreaterThan(0.95);
    expect(loss).toBeLessThan(0.3);
  });

  it.each<Partial<TrainRecipe>>([
    { learningRate: 0.02, optimizer: { kind: 'adam', squareDecay: 0.999, epsilon: 1e-8 } },
    { learningRate: 0.02, optimizer: { kind: 'rmsprop', squareDecay: 0.9, epsilon: 1e-3 }, averageDecay: 0.9 },
    { clipNorm: 0.5, dropout: 0.1, augmentation: { ...tinyRecipe.augmentation, mixupAlpha: 0.2 } },
  ])('learns it by other recipes as well: %j', async (more) => {
    const weights = await engine.train(graph, data, { ...tinyRecipe, stepCount: 60, ...more });
    verifyWeights(graph, weights);
    expect((await engine.evaluate(graph, weights, data, 'test')).accuracy).toBeGreaterThan(0.9);
  });

  it('gives the same weights for the same seed', async () => {
    const recipe = { ...tinyRecipe, stepCount: 3 };
    const [a, b] = [await engine.train(graph, data, recipe), await engine.train(graph, data, recipe)];
    expect([...b]).toEqual([...a]);
    const other = await engine.train(graph, data, { ...recipe, seed: 8 });
    expect(other.get('head.head/classifier/filter')).not.toEqual(a.get('head.head/classifier/filter'));
  });

  it('begins with weights that it is given, where names and shapes agree', async () => {
    const recipe = { ...tinyRecipe, stepCount: 1, learningRate: 0, warmupStepCount: 0 };
    const parent = await engine.train(graph, data, { ...recipe, seed: 8 });
    const filter = 'head.head/classifier/filter';
    const odd = new Map([...parent, [filter, { shape: [1], values: new Float32Array(1) }]]);
    const child = await engine.train(graph, data, recipe, { initialWeights: odd });
    const own = await engine.train(graph, data, recipe);
    const names = [...child.keys()].filter((name) => name.endsWith('/filter'));
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) expect(child.get(name)).toEqual((name === filter ? own : parent).get(name));
  });

  it.each([
    ...recipes.map((more) => ({ more, graph })),
    { more: { auxiliaryWeight: 0.4, dropPath: 0.5, averageDecay: 0.5 }, graph: cells },
  ])('comes to the bits of a plain loop over the batches: $more', async ({ more, graph }) => {
    const recipe = { ...tinyRecipe, ...more, stepCount: 5 };
    const weights = await engine.train(graph, data, recipe);
    const course = { graph: trainingGraph(graph, recipe), recipe, data, microBatchSizes: [recipe.batchSize] };
    const expected = trainedWeights(graph, (await loopOverMicroBatches(opened.tf, course, 5)).at(-1)!);
    expect([...weights.keys()].sort()).toEqual([...expected.keys()].sort());
    const trained = [...expected].filter(([name]) => !/\/(mean|variance)$/.test(name));
    expect(trained.length).toBeGreaterThan(10);
    for (const [name, weight] of trained) expect(weights.get(name), name).toEqual(weight);
  });

  it.each(recipes)('goes on from a checkpoint as if it had not stopped: %j', async (more) => {
    const recipe = { ...tinyRecipe, ...more, stepCount: 8 };
    const expected = await engine.train(graph, data, recipe);
    const hooks = { checkpointDirectory: join(folder, hashJson(more)), checkpointEveryMs: 0 };
    const stop = new Error('stopped');
    const stopAt = (last: number) => ({
      ...hooks,
      onProgress: ({ step }: { step: number }) => {
        if (step === last) throw stop;
      },
    });
    await expect(engine.train(graph, data, recipe, stopAt(5))).rejects.toBe(stop);
    const steps: number[] = [];
    const weights = await engine.train(graph, data, recipe, { ...hooks, onProgress: ({ step }) => steps.push(step) });
    expect(steps).toEqual([5, 6, 7, 8]); // step 5 was done but not kept
    expect([...weights]).toEqual([...expected]);
    expect(readdirSync(hooks.checkpointDirectory).sort()).toEqual(['manifest.json', 'state-8.safetensors']);
  });

  it('ends with the weights that it has when it is stopped, also after it was killed then', async () => {
    const hooks = { checkpointDirectory: join(folder, 'stopped'), checkpointEveryMs: 1e9 };
    const stopping = new AbortController();
    const steps: number[] = [];
    const train = (checkpointDirectory: string, stop: AbortSignal) =>
      engine.train(graph, data, tinyRecipe, {
        ...hooks,
        checkpointDirectory,
        stop,
        onProgress: ({ step }) => {
          steps.push(step);
          if (step === 3) stopping.abort();
        },
      });
    const weights = await train(hooks.checkpointDirectory, stopping.signal);
    expect(steps).toEqual([1, 2, 3]);
    // The process that was to write the weights down died: the next one is told to stop, too.
    expect([...(await train(hooks.checkpointDirectory, stopping.signal))]).toEqual([...weights]);
    expect(steps).toEqual([1, 2, 3]);
    const [name] = [...weights.keys()].filter((each) => each.endsWith('/filter'));
    expect(weights.get(name!)).not.toEqual((await train(join(folder, 'never'), AbortSignal.abort())).get(name!));
  });

  it('starts anew where the checkpoint is of other arguments, and refuses one that is damaged', async () => {
    const hooks = { checkpointDirectory: join(folder, 'damaged'), checkpointEveryMs: 0 };
    await engine.train(graph, data, { ...tinyRecipe, stepCount: 2 }, hooks);
    const steps: number[] = [];
    await engine.train(
      graph,
      data,
      { ...tinyRecipe, stepCount: 3 },
      { ...hooks, onProgress: ({ step }) => steps.push(step) },
    );
    expect(steps).toEqual([1, 2, 3]);
    const state = join(
      hooks.checkpointDirectory,
      readdirSync(hooks.checkpointDirectory).find((name) => name.startsWith('state'))!,
    );
    expect(existsSync(state)).toBe(true);
    writeFileSync(state, readFileSync(state).subarray(0, 100));
    await expect(engine.train(graph, data, { ...tinyRecipe, stepCount: 3 }, hooks)).rejects.toMatchObject({
      code: 'SAFETENSORS_INVALID',
    });
  });

  it('leaves no tensors behind', async () => {
    const before = opened.tf.memory().numTensors;
    const weights = await engine.train(graph, data, { ...tinyRecipe, stepCount: 2 });
    await engine.evaluate(graph, weights, data, 'test');
    expect(opened.tf.memory().numTensors).toBe(before);
  });
});

describe('Engine.predict', () => {
  it('gives the logits that evaluate counts', async () => {
    const weights = await engine.train(graph, data, { ...tinyRecipe, stepCount: 20 });
    const logits = await engine.predict(graph, weights, data.images.subarray(128 * 64), data);
    expect(logits).toHaveLength(32 * 2);
    const right = [...data.labels.subarray(128)].filter(
      (label, index) => logits[index * 2 + label]! > logits[index * 2 + 1 - label]!,
    );
    expect(right.length / 32).toBe((await engine.evaluate(graph, weights, data, 'test')).accuracy);
  });

  it('refuses weights that the graph does not declare so', async () => {
    await expect(engine.predict(graph, new Map(), data.images.subarray(0, 64), data)).rejects.toMatchObject({
      code: 'WEIGHTS_MISMATCH',
    });
  });
});

describe('Engine.describe', () => {
  it('names the backend and its version', () => {
    expect(engine.describe()).toEqual({ engine: 'tfjs', backend: opened.backend, version: opened.version });
  });
});
