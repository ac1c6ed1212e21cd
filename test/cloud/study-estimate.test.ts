import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openStore } from '@bespoke/cloud/store/store.js';
import { describe, expect, it } from 'vitest';
import { bespoke, startCloudProcess } from '../support/cloud-process.js';
import { device } from '../support/fleet.js';
import { temporaryFolder } from '../support/folder.js';

const yaml = 'version: 1\nname: flowers\nspace: small\nthreads: 1\n';

describe('estimateStudy', () => {
  it('says on the command line and over HTTP what a study would have to measure', async () => {
    const folder = temporaryFolder();
    const store = openStore(folder);
    store.devices.save(device);
    store.close();
    const file = join(folder, 'study.yaml');
    writeFileSync(file, yaml);
    const run = (...options: string[]) =>
      promisify(execFile)(process.execPath, [
        bespoke,
        ...['study', 'estimate', file, '--data-directory', folder, ...options],
      ]);
    const estimate = JSON.parse((await run('--json')).stdout);
    // Every distinct block of the preset and 8 whole networks, each twice.
    expect(estimate).toMatchObject({ missingCount: estimate.totalCount, remainingMs: null });
    expect(estimate.totalCount).toBeGreaterThan(30);
    expect(estimate.jobCount).toBe(2 * estimate.totalCount);
    expect((await run()).stdout).toBe(
      `0 of ${estimate.totalCount} workloads are known; ${estimate.jobCount} measurements on one device: nothing was measured on it yet\n`,
    );
    const cloud = await startCloudProcess(folder, '--no-agent');
    try {
      expect(await cloud.call('POST /api/devices/:id/estimate', device.id, { yaml })).toEqual(estimate);
    } finally {
      await cloud.kill();
    }
  }, 90_000);
});
