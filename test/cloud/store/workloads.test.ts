import { join } from 'node:path';
import { openStore } from '@bespoke/cloud/store/store.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import Sqlite from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { device, runtime, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';

describe('Workloads', () => {
  it('gives what was added, and leaves a key with the workload that it came with', () => {
    const folder = temporaryFolder();
    const store = openStore(folder);
    onTestFinished(() => store.close());
    store.devices.save(device);
    const add = () => store.jobs.add(device.id, runtime, [workload(3)], () => 'job-00001')[0]!;
    expect(add().workload).toEqual(workload(3));
    expect(add().workload).toBe(add().workload);
    const rows = new Sqlite(join(folder, 'bespoke.sqlite'), { readonly: true });
    onTestFinished(() => void rows.close());
    expect(rows.prepare('SELECT key FROM workloads').pluck().all()).toEqual([workloadKey(workload(3))]);
  });
});
