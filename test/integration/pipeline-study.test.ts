/**
 * A study whose winner is trained by a pipeline: it rests in the middle of its training (kill -9 of its process), goes on from the checkpoint, is told to end the training, and takes the
 * weights that it has to a model that is measured. Its steps would take hours.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPipelineCheckpoint } from '@bespoke/cloud/train/gpipe/pipeline-checkpoint.js';
import { afterAll, describe, expect, it } from 'vitest';
import { type CloudProcess, finishedStudy, patienceMs, startCloudProcess } from '../support/cloud-process.js';
import { until } from '../support/until.js';

const spec = `
version: 1
name: piped
data: { source: synthetic, resolution: 16 }
space: { preset: custom, stemWidth: 8, stages: [{ width: 8, depth: 2, stride: 2 }, { width: 16, depth: 2, stride: 2 }], kernelSizes: [3, 5], expandRatios: [1] }
search: { steps: 40, batchSize: 16 }
train: { steps: 100000, batchSize: 16, pipeline: { stages: 2, microBatches: 2, schedule: zero-bubble, memoryMB: 500 } }
seed: 7
`;

const directory = mkdtempSync(join(tmpdir(), 'bespoke-piped-'));
let cloud: CloudProcess;

afterAll(async () => {
  await cloud.kill();
  rmSync(directory, { recursive: true, force: true });
});

const detailOf = (id: string) => cloud.call('GET /api/studies/:id', id);
/** Throws the sentence with which the study failed. */
async function pipelineOf(id: string) {
  const { error, pipeline } = await detailOf(id);
  if (error !== null) throw new Error(error);
  return pipeline;
}
const checkpointStep = async (id: string) =>
  (await readPipelineCheckpoint(join(directory, 'studies', id, 'train')))?.step ?? 0;

describe('a study with a pipeline', () => {
  it('shows plan and steps, rests and goes on from its checkpoint, and ends its training when told', {
    timeout: 1_200_000,
  }, async () => {
    cloud = await startCloudProcess(directory);
    await until('the agent', async () => (await cloud.call('GET /api/devices')).some(({ online }) => online), 60_000);
    const { id } = await cloud.call('POST /api/studies', '', { yaml: spec });
    const first = await until(
      'a step',
      async () => {
        const pipeline = await pipelineOf(id);
        return pipeline?.step ? pipeline : null;
      },
      patienceMs,
    );
    expect(first.plan).toMatchObject({ reason: 'measured', microBatchCount: 2, capBytes: 5e8 });
    expect(first.plan.stages).toHaveLength(2);
    const { network } = await detailOf(id);
    expect(first.plan.stages.flatMap(({ blocks }) => blocks)).toEqual(network!.blocks.map((block) => block.id));
    // Both stages: two forwards and two backwards each, of which those of the second are in two halves, and what they send each other.
    const kinds = first.step!.spans.map(({ kind }) => kind);
    const countOf = (kind: string) => kinds.filter((each) => each === kind).length;
    expect(first.plan.schedule).toBe('zero-bubble');
    const operations = ['forward', 'backward', 'inputGradients', 'weightGradients'];
    expect([...operations, 'send', 'recv'].map(countOf)).toEqual([4, 2, 2, 2, 4, 4]);

    await until('a checkpoint', () => checkpointStep(id), 120_000);
    expect((await cloud.call('POST /api/studies/:id/pause', id)).status).toBe('paused');
    const kept = await checkpointStep(id);
    expect((await cloud.call('POST /api/studies/:id/resume', id)).status).toBe('running');
    const resumed = await until(
      'a step after the pause',
      async () => {
        const pipeline = await pipelineOf(id);
        return pipeline?.plan.reason === 'resumed' ? pipeline.step : null;
      },
      120_000,
    );
    expect(resumed.step).toBeGreaterThan(kept);

    // Whoever asks for the end of a phase that is over gets nothing else.
    expect((await cloud.call('POST /api/studies/:id/stop', id, { phase: 'search' })).status).toBe('running');
    await cloud.call('POST /api/studies/:id/stop', id, { phase: 'train' });
    const finished = await finishedStudy(cloud, id);
    const [line] = finished.log.filter((each) => each.startsWith('the training was ended as asked'));
    const stoppedAt = Number(/after step (\d+) of 100000/.exec(line!)![1]);
    expect(stoppedAt).toBeGreaterThan(kept);
    expect(finished.trainPoints.every(({ step }) => step <= stoppedAt)).toBe(true);
    expect(finished.pipeline).toMatchObject({ plan: { reason: 'resumed' }, step: { step: expect.any(Number) } });
    expect(finished.result!.measuredMs).toBeGreaterThan(0);
    expect(readFileSync(finished.result!.model).subarray(4, 8).toString()).toBe('TFL3');
  });
});
