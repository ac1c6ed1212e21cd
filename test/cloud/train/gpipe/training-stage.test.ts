import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { writePacked } from '@bespoke/cloud/train/data/packed.js';
import { Pipeline } from '@bespoke/cloud/train/gpipe/supervisor.js';
import {
  openStage,
  type TrainingStageOptions,
  trainingProgram,
  trainingStageModule,
} from '@bespoke/cloud/train/gpipe/training-stage.js';
import type { TrainRecipe } from '@bespoke/cloud/train/recipe.js';
import { trainingGraph } from '@bespoke/cloud/train/tfjs/auxiliary-head.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { decodeSafetensors } from '@bespoke/shared/graph/safetensors.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';
import { operationsOf } from './arithmetic.js';
import { bytesOf, data, networks, recipeOf, sizesOf } from './local-pipeline.js';
import { loopOverMicroBatches } from './reference-loop.js';

const stepCount = 3;
const { network, cuts } = networks.deep;
const recipe: TrainRecipe = {
  ...recipeOf(10),
  optimizer: { kind: 'rmsprop', squareDecay: 0.9, epsilon: 1e-3 },
  clipNorm: 0.05,
  averageDecay: 0.5,
  dropout: 0.3,
  dropPath: 0.3,
  auxiliaryWeight: 0.4,
};
const microBatchSizes = sizesOf(10, 3);

async function packed(): Promise<string> {
  const directory = join(temporaryFolder(), 'packed');
  const { sha256: _, ...manifest } = data.manifest;
  await writePacked(directory, manifest, data.images, data.labels);
  return directory;
}

describe('openStage', () => {
  it('makes a pipeline of processes that ends with the bits of one loop, also when one is killed', async () => {
    const folder = temporaryFolder();
    const common = {
      network,
      cuts: cuts[1],
      recipe,
      dataDirectory: await packed(),
      microBatchSizes,
      remat: 'except-last',
    };
    const operations = operationsOf({ stageCount: 2, microBatchCount: 3, order: 'zero-bubble' });
    const faults: string[] = [];
    const pipeline = await Pipeline.open({
      stages: [0, 1].map((stage) => {
        const options = { ...common, stage } satisfies { [K in keyof TrainingStageOptions]: unknown };
        // As many as the reference has: the sums of a larger kernel depend on how many share its work.
        return { module: trainingStageModule, options, threadCount: availableParallelism() };
      }),
      directory: join(folder, 'snapshots'),
      operationsOf: () => operations,
      commitsTogether: true, // gradients are clipped
      operationTimeoutMs: 20_000,
      onFault: ({ stage, how }) => faults.push(`${stage} ${how}`),
    });
    onTestFinished(() => pipeline.close());
    const lossSums: number[] = [];
    for (let step = 1; step <= stepCount; step++) {
      if (step === 2) process.kill(pipeline.processIds[1]!, 'SIGKILL');
      lossSums.push((await pipeline.runStep()).figures.lossSum!);
    }
    const paths = [0, 1].map((stage) => join(folder, `${stage}`));
    await pipeline.save(paths);
    const state = new Map(paths.flatMap((path) => [...decodeSafetensors(readFileSync(path)).weights]));

    const course = { graph: trainingGraph(lower(network), recipe), recipe, data, microBatchSizes };
    const reference = await loopOverMicroBatches((await openBackend()).tf, course, stepCount);
    expect(bytesOf(state)).toEqual(bytesOf(reference.at(-1)!));
    expect(faults).toEqual(['1 SIGKILL']);
    expect(lossSums.every((sum) => sum > 0)).toBe(true);
  }, 60_000);

  it('refuses a folder without data and cuts that do not fit', async () => {
    const options = {
      network,
      cuts: [2],
      stage: 0,
      recipe,
      dataDirectory: temporaryFolder(),
      microBatchSizes,
      remat: 'none',
    };
    await expect(openStage(options)).rejects.toMatchObject({ code: 'DATA_PACKED_INVALID' });
    await expect(openStage({ ...options, cuts: [9] })).rejects.toMatchObject({ code: 'GRAPH_ILLEGAL' });
  });
});

describe('trainingProgram', () => {
  const options: TrainingStageOptions = {
    network,
    cuts: [2],
    stage: 0,
    recipe,
    dataDirectory: 'data',
    microBatchSizes,
    remat: 'none',
  };

  it('takes the options of a stage, as they are', () => {
    expect(trainingProgram.parseOptions(JSON.parse(JSON.stringify(options)))).toEqual(options);
  });

  it.each([
    [null, 'options $: '],
    [{ ...options, cuts: ['2'] }, 'options $.cuts[0]: '],
    [{ ...options, recipe: { batchSize: 1e9 } }, 'options $.recipe.batchSize: '],
    [{ ...options, remat: 'some' }, 'options $.remat: '],
    [{ ...options, module: 'evil.mjs' }, 'Unrecognized key: "module"'],
    [{ ...options, network: { version: 1 } }, 'illegal network at $.'],
  ])('refuses what a stage does not take (%#)', (json, message) => {
    expect(() => trainingProgram.parseOptions(json)).toThrow(message);
  });
});
