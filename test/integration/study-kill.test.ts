/**
 * kill -9 in the middle of a search: the cloud starts again on the same folder, the study goes on from its checkpoint and
 * ends with the architecture of a study that was never interrupted (same seed, same table).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type CloudProcess, finishedStudy, patienceMs, startCloudProcess } from '../support/cloud-process.js';
import { until } from '../support/until.js';

const spec = `
version: 1
name: kill
data: { source: synthetic, resolution: 16 }
space: { preset: custom, stemWidth: 8, stages: [{ width: 8, depth: 2, stride: 2 }, { width: 16, depth: 2, stride: 2 }], kernelSizes: [3, 5], expandRatios: [1] }
search: { steps: 600, batchSize: 16 }
train: { steps: 20, batchSize: 16 }
seed: 7
`;

const directory = mkdtempSync(join(tmpdir(), 'bespoke-kill-'));
const clouds: CloudProcess[] = [];
const start = async () => {
  const cloud = await startCloudProcess(directory);
  clouds.push(cloud);
  return cloud;
};

afterAll(async () => {
  for (const cloud of clouds) await cloud.kill();
  rmSync(directory, { recursive: true, force: true });
});

interface Derived {
  path: number[];
  predictedMs: number;
}
const derivedOf = (id: string) =>
  JSON.parse(readFileSync(join(directory, 'studies', id, 'derived.json'), 'utf8')) as Derived;

describe('a study', () => {
  it('survives kill -9 of the cloud during its search with the same architecture', { timeout: 1_800_000 }, async () => {
    const first = await start();
    await until('the agent', async () => (await first.call('GET /api/devices')).some(({ online }) => online), 60_000);
    const { id: whole } = await first.call('POST /api/studies', '', { yaml: spec });
    const uninterrupted = await finishedStudy(first, whole);

    const { id } = await first.call('POST /api/studies', '', { yaml: spec });
    await until(
      'the search',
      async () => (await first.call('GET /api/studies/:id', id)).searchPoints.some(({ step }) => step >= 300),
      patienceMs,
    );
    await first.kill();
    const checkpoint = JSON.parse(readFileSync(join(directory, 'studies', id, 'search', 'search.json'), 'utf8'));
    expect(checkpoint.state.step).toBeGreaterThanOrEqual(180);
    expect(checkpoint.state.step).toBeLessThan(600);

    const second = await start();
    const before = await second.call('GET /api/studies/:id', id);
    expect(before.status).toBe('running');
    expect(before.searchPoints.length).toBeLessThan(60);

    const resumed = await finishedStudy(second, id);
    expect(derivedOf(id).path).toEqual(derivedOf(whole).path);
    expect(resumed.network).toEqual(uninterrupted.network);
    expect(resumed.searchPoints.map(({ step }) => step)).toEqual(uninterrupted.searchPoints.map(({ step }) => step));
    expect(resumed.result!.params).toBe(uninterrupted.result!.params);
    expect(resumed.result!.measuredMs).toBeGreaterThan(0);

    const download = await fetch(`${second.url}/api/studies/${id}/model`, { headers: { cookie: second.cookie } });
    expect(download.headers.get('content-disposition')).toBe('attachment; filename="kill.tflite"');
    const file = Buffer.from(await download.arrayBuffer());
    expect(file.subarray(4, 8).toString()).toBe('TFL3');
    expect(file).toEqual(readFileSync(resumed.result!.model));
  });
});
