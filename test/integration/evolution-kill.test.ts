/**
 * An evolution from specification to file, and kill -9 in its middle: the cloud starts again on the same folder, the study goes on from its journal, and ends
 * with the individuals of a study that was never interrupted. What the first study trained, the second finds: nothing is trained twice. It can rest, and be stopped.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import { afterAll, describe, expect, it } from 'vitest';
import { type CloudProcess, finishedStudy, patienceMs, startCloudProcess } from '../support/cloud-process.js';
import { until } from '../support/until.js';

/** Other steps are another way of training, of which nothing is known yet; the networks that are measured are the same. */
const spec = (steps = 12) => `
version: 1
method: eeea
name: evolve
data: { source: synthetic, resolution: 16 }
minutes: null
evolution:
  cells: { preset: cells, steps: 2, channels: 8, cells: 3, proxy: { channels: 4, cells: 3 } }
  population: 6
  evaluations: 24
  workers: 2
  evaluation: { steps: ${steps}, batchSize: 16 }
train: { steps: 20, batchSize: 16 }
seed: 3
`;

const directory = mkdtempSync(join(tmpdir(), 'bespoke-evolution-'));
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

/** Lines of the file in which the accuracies of all studies are kept. */
const trainedCount = () => {
  const [file] = readdirSync(join(directory, 'accuracies'));
  return readFileSync(join(directory, 'accuracies', file!), 'utf8')
    .trim()
    .split('\n').length;
};
/** What an individual is, whenever its evaluation ended. */
const archive = (individuals: readonly IndividualView[]) =>
  individuals.map(({ genes, accuracy, generation }) => JSON.stringify({ genes, accuracy, generation })).sort();

describe('an evolution', () => {
  it('survives kill -9 of the cloud with the same individuals, and trains none twice', {
    timeout: 1_800_000,
  }, async () => {
    const first = await start();
    await until('the agent', async () => (await first.call('GET /api/devices')).some(({ online }) => online), 60_000);

    const { id } = await first.call('POST /api/studies', '', { yaml: spec() });
    await until(
      'the evolution',
      async () => ((await first.call('GET /api/studies/:id', id)).evolution?.individuals.length ?? 0) >= 9,
      patienceMs,
    );
    await first.kill();

    const second = await start();
    const before = await second.call('GET /api/studies/:id', id);
    expect(before.status).toBe('running');
    expect(before.evolution!.individuals.length).toBeLessThan(24);
    await until(
      'more of the evolution',
      async () => (await second.call('GET /api/studies/:id', id)).evolution!.individuals.length >= 13,
      patienceMs,
    );
    expect((await second.call('POST /api/studies/:id/pause', id)).status).toBe('paused');
    const resting = (await second.call('GET /api/studies/:id', id)).evolution!.individuals.length;
    await second.kill();

    const third = await start();
    const paused = await third.call('GET /api/studies/:id', id);
    expect([paused.status, paused.evolution!.individuals.length]).toEqual(['paused', resting]);
    expect((await third.call('POST /api/studies/:id/resume', id)).status).toBe('running');
    const resumed = await finishedStudy(third, id);
    const { individuals, refusedCounts } = resumed.evolution!;
    expect(individuals).toHaveLength(24);
    expect(trainedCount()).toBe(24);
    expect(Object.keys(refusedCounts)).toEqual(['params', 'latency']);

    // The same seed again: an uninterrupted search, whose accuracies are known.
    const { id: whole } = await third.call('POST /api/studies', '', { yaml: spec() });
    const uninterrupted = await finishedStudy(third, whole);
    expect(archive(uninterrupted.evolution!.individuals)).toEqual(archive(individuals));
    expect(uninterrupted.evolution!.individuals.every(({ seconds }) => seconds === 0)).toBe(true);
    expect(trainedCount()).toBe(24);
    expect(uninterrupted.network).toEqual(resumed.network);

    expect(resumed.result!.measuredMs).toBeGreaterThan(0);
    expect(resumed.log.some((line) => line.startsWith('finalist '))).toBe(true);
    expect(readFileSync(resumed.result!.model).subarray(4, 8).toString()).toBe('TFL3');

    // Asked to stop, a search goes on to training with what it has.
    const { id: stopped } = await third.call('POST /api/studies', '', { yaml: spec(13) });
    await until(
      'a generation',
      async () => ((await third.call('GET /api/studies/:id', stopped)).evolution?.individuals.length ?? 0) >= 6,
      patienceMs,
    );
    await third.call('POST /api/studies/:id/stop', stopped, { phase: 'search' });
    const short = await finishedStudy(third, stopped);
    expect(short.evolution!.individuals.length).toBeLessThan(24);
    expect(short.result!.accuracy).toBeGreaterThan(0);
  });
});
