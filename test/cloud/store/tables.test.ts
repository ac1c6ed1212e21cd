import { openStore } from '@bespoke/cloud/store/store.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { device, runtime, success, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';

function testStore() {
  const store = openStore(temporaryFolder());
  onTestFinished(() => store.close());
  return store;
}

/** A store in which the device has measured workloads 0 and 1. */
function measuredStore() {
  const store = testStore();
  store.devices.save(device);
  [workload(0), workload(1)].forEach((one, index) => {
    const [{ id } = { id: '' }] = store.jobs.add(device.id, runtime, [one], () => `job-00000${index}`);
    const leaseId = `lease-0000${index}`;
    const block = store.blocks.add(device.id, runtime, 1);
    const job = store.jobs.grant(id, { id: leaseId, deviceId: device.id, blockId: block.id });
    store.jobs.measure(job, store.leases.get(leaseId)!, success(index + 1));
    store.blocks.end(block.id, 1, null, 0);
  });
  return store;
}

describe('Tables', () => {
  it('gives the rows of what was measured, with the summary of the samples', () => {
    const rows = measuredStore().tables.rows(device.id);
    expect(rows.map(({ key }) => key)).toEqual([workload(0), workload(1)].map(workloadKey));
    expect(rows[1]).toMatchObject({
      runtime,
      workload: workload(1),
      count: 3,
      medianMs: 2,
      minMs: 1.92,
      overheadMs: 0.01,
    });
    expect(rows[1]!.p95Ms).toBeCloseTo(2.144, 9);
    expect(rows[1]!.doubt).toBeNull();
  });

  it('brings a table to another cloud, as a device with imported latencies, row for row', () => {
    const rows = measuredStore().tables.rows(device.id);
    const other = testStore();
    other.tables.import(device, rows);
    expect(other.devices.get(device.id)).toEqual(device);
    const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1);
    expect(other.tables.rows(device.id).sort(byKey)).toEqual([...rows].sort(byKey));
    const views = other.imported.list(device.id);
    expect(views).toHaveLength(2);
    for (const view of views) expect(view).toMatchObject({ deviceId: device.id, doubt: 'imported' });
  });

  it('takes a newer table over an older one, and keeps what the newer lacks', () => {
    const store = testStore();
    const [first, second] = measuredStore().tables.rows(device.id);
    store.tables.import(device, [first!, second!]);
    store.tables.import({ ...device, name: 'other name' }, [{ ...first!, medianMs: 0.95 }]);
    const medians = new Map(store.tables.rows(device.id).map(({ key, medianMs }) => [key, medianMs]));
    expect([medians.get(first!.key), medians.get(second!.key)]).toEqual([0.95, 2]);
    expect(store.devices.get(device.id)!.name).toBe(device.name);
  });

  it('prefers what the device measured itself', () => {
    const store = measuredStore();
    const rows = store.tables.rows(device.id);
    store.tables.import(
      device,
      rows.map((row) => ({ ...row, medianMs: 1.9 * row.medianMs, highMs: 9, p95Ms: 9 })),
    );
    expect(store.tables.rows(device.id)).toEqual(rows);
    expect(store.imported.list(device.id)).toEqual([]);
  });
});
