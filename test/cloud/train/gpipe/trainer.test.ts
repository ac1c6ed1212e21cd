import { join } from 'node:path';
import { type PackedDataset, readPacked, writePacked } from '@bespoke/cloud/train/data/packed.js';
import type {
  PipelineHooks,
  PipelineSettings,
  PipelineStep,
  PlannedPipeline,
} from '@bespoke/cloud/train/gpipe/pipeline-settings.js';
import { checkTrace, operationsIn } from '@bespoke/cloud/train/gpipe/trace.js';
import { trainPipelined } from '@bespoke/cloud/train/gpipe/trainer.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { trainedWeights } from '@bespoke/cloud/train/tfjs/variables.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';
import { computeWithOneThread } from '../../../support/threads.js';
import { bytesOf, networks, recipeOf, sizesOf, data as tiny } from './local-pipeline.js';
import { loopOverMicroBatches } from './reference-loop.js';

computeWithOneThread();
const { network } = networks.cells;
const recipe = { ...recipeOf(10), stepCount: 8 };
const settings: PipelineSettings = {
  stageCount: 2,
  microBatchCount: 3,
  schedule: 'gpipe',
  remat: 'none',
  memoryCapBytes: null,
  threadCount: 1,
};

/** Weights and statistics after the last step of one process that loops over the micro-batches. */
let expected: ReadonlyMap<string, string>;
beforeAll(async () => {
  const { tf } = await openBackend('tensorflow');
  const course = { graph: lower(network), recipe, data: tiny, microBatchSizes: sizesOf(10, 3) };
  const state = (await loopOverMicroBatches(tf, course, recipe.stepCount)).at(-1)!;
  expected = bytesOf(trainedWeights(course.graph, state));
});

async function packed(): Promise<PackedDataset> {
  const directory = join(temporaryFolder(), 'packed');
  const { sha256: _, ...manifest } = tiny.manifest;
  await writePacked(directory, manifest, tiny.images, tiny.labels);
  return readPacked(directory);
}

function train(data: PackedDataset, change: Partial<PipelineSettings>, hooks: PipelineHooks) {
  return trainPipelined(network, data, recipe, { ...settings, ...change }, 'tensorflow', hooks);
}

describe('trainPipelined', { timeout: 120_000 }, () => {
  it('measures, plans, trains by the schedule, and ends with the bits of one process', async () => {
    const [plans, steps]: [PlannedPipeline[], PipelineStep[]] = [[], []];
    const weights = await train(
      await packed(),
      {},
      {
        checkpointDirectory: join(temporaryFolder(), 'run'),
        onPlan: (plan) => plans.push(plan),
        onStep: (step) => steps.push(step),
      },
    );
    expect(bytesOf(weights)).toEqual(expected);
    expect(plans.map(({ reason, stageCount, microBatchSizes }) => ({ reason, stageCount, microBatchSizes }))).toEqual([
      { reason: 'measured', stageCount: 2, microBatchSizes: [4, 3, 3] },
    ]);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const { trace, loss } of steps) {
      expect(checkTrace(operationsIn(trace), plans[0]!)).toBeNull();
      expect(loss).toBeGreaterThan(0);
    }
  });

  it('stops with a checkpoint, and goes on with another K, schedule and remat to the same bits', async () => {
    const [data, checkpointDirectory] = [await packed(), join(temporaryFolder(), 'run')];
    const stop = new AbortController();
    const stopped = train(
      data,
      {},
      {
        checkpointDirectory,
        signal: stop.signal,
        onStep: ({ step }) => step === 3 && stop.abort(new Error('enough')),
      },
    );
    await expect(stopped).rejects.toThrow('enough');
    const [plans, steps]: [PlannedPipeline[], number[]] = [[], []];
    const change = { stageCount: 3, microBatchCount: 'auto', schedule: 'auto', remat: 'always' } as const;
    const weights = await train(data, change, {
      checkpointDirectory,
      onPlan: (plan) => plans.push(plan),
      onStep: ({ step }) => steps.push(step),
    });
    expect(steps).toEqual([4, 5, 6, 7, 8]);
    expect(plans.map(({ reason, microBatchCount }) => ({ reason, microBatchCount }))).toEqual([
      { reason: 'resumed', microBatchCount: 3 },
    ]);
    expect(bytesOf(weights)).toEqual(expected);
    // Called again, it has nothing left to do.
    expect(bytesOf(await train(data, change, { checkpointDirectory, onPlan: () => expect.unreachable() }))).toEqual(
      expected,
    );
  });

  it('refuses a folder of another training and a network for other data, and an abort ends the measuring', async () => {
    const [data, checkpointDirectory] = [await packed(), join(temporaryFolder(), 'run')];
    const stop = new AbortController();
    const measuring = train(
      data,
      {},
      {
        checkpointDirectory,
        signal: stop.signal,
        onProfile: () => stop.abort(new Error('not now')),
      },
    );
    await expect(measuring).rejects.toThrow('not now');
    await expect(train(data, { stageCount: 9 }, { checkpointDirectory })).rejects.toMatchObject({
      code: 'PIPELINE_COUNT_INVALID',
    });
    const other = { ...data, manifest: { ...data.manifest, classes: ['a', 'b', 'c'] } };
    await expect(train(other, {}, { checkpointDirectory })).rejects.toMatchObject({ code: 'NETWORK_DATA_MISFIT' });
    const lost = { ...data, directory: temporaryFolder() };
    await expect(train(lost, {}, { checkpointDirectory })).rejects.toMatchObject({ code: 'PROFILE_FAILED' });
  });
});
