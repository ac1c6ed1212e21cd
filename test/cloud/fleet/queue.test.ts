import { ensureMeasured } from '@bespoke/cloud/fleet/campaign.js';
import { JobQueue } from '@bespoke/cloud/fleet/queue.js';
import type { Job } from '@bespoke/cloud/store/jobs.js';
import { openStore } from '@bespoke/cloud/store/store.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { device, runtime, success, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';
import { until } from '../../support/until.js';

const never = () => expect.unreachable('the lease ran out');

function testQueue(settings = {}) {
  const store = openStore(temporaryFolder());
  store.devices.save(device);
  const queue = new JobQueue(store, { jobTimeoutMs: 10_000, leaseGraceMs: 0, maxAttempts: 3, ...settings });
  onTestFinished(() => {
    queue.close();
    store.close();
  });
  const ended: Job[] = [];
  return {
    store,
    queue,
    ended,
    request: (...indices: number[]) =>
      queue.request(device.id, runtime, indices.map(workload), (job) => ended.push(job)),
  };
}

describe('JobQueue', () => {
  it('records a result once, however often it comes', () => {
    const { store, queue, ended, request } = testQueue();
    request(0);
    const { job, id } = queue.take(device.id, [runtime], never)!;
    for (let time = 0; time < 3; time++) queue.complete(device.id, job.id, id, success(2));
    expect(ended.map(({ state }) => state)).toEqual(['measured']);
    expect(store.latencies.measurements(device.id, runtime, job.key)).toHaveLength(1);
  });

  it('takes a success whose lease was given back, and then ignores the next one', () => {
    const { store, queue, ended, request } = testQueue();
    request(0);
    const first = queue.take(device.id, [runtime], never)!;
    queue.giveBack(first, 'the connection was lost');
    const second = queue.take(device.id, [runtime], never)!;
    expect(second.job.id).toBe(first.job.id);
    queue.complete(device.id, first.job.id, first.id, success(2));
    queue.complete(device.id, second.job.id, second.id, success(9));
    expect(ended).toHaveLength(1);
    expect(store.latencies.table(device.id, runtime).get(first.job.key)!.medianMs).toBe(2);
  });

  it('fails a job with its log after the last attempt', () => {
    const { queue, ended, request } = testQueue();
    request(0);
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(ended).toHaveLength(0);
      const { job, id } = queue.take(device.id, [runtime], never)!;
      expect(job.attempts).toBe(attempt);
      queue.complete(device.id, job.id, id, { ok: false, reason: 'crashed', log: `signal 11, time ${attempt}` });
    }
    expect(ended[0]).toMatchObject({ state: 'failed', attempts: 3, reason: 'crashed', log: 'signal 11, time 3' });
    expect(queue.take(device.id, [runtime], never)).toBeUndefined();
  });

  it('does not try again what is refused', () => {
    const { queue, ended, request } = testQueue();
    request(0);
    const { job, id } = queue.take(device.id, [runtime], never)!;
    queue.complete(device.id, job.id, id, { ok: false, reason: 'refused', log: 'too large' });
    expect(ended[0]).toMatchObject({ state: 'failed', attempts: 1, reason: 'refused' });
  });

  it('refuses a number that another runtime measured', () => {
    const { queue, ended, request } = testQueue();
    request(0);
    const { job, id } = queue.take(device.id, [runtime], never)!;
    queue.complete(device.id, job.id, id, { ...success(1), runtime: { ...runtime, delegate: 'none' } });
    expect(ended[0]).toMatchObject({ state: 'failed', reason: 'refused' });
    expect(ended[0]!.log).toContain('"delegate":"none"');
  });

  it('returns a job whose lease runs out, and says so to its holder', async () => {
    const { queue, request } = testQueue({ jobTimeoutMs: 20 });
    request(0);
    let expired = false;
    queue.take(device.id, [runtime], () => {
      expired = true;
    });
    await until('the lease runs out', () => expired);
    expect(queue.take(device.id, [runtime], never)!.job).toMatchObject({
      attempts: 2,
      reason: 'crashed',
      log: 'no result within 20 ms',
    });
  });

  it('withdraws what nobody waits for any more', () => {
    const { store, queue, request } = testQueue();
    const stopFirst = request(0, 1);
    request(1, 2);
    stopFirst();
    expect(store.jobs.countOpen(device.id)).toBe(2);
    expect(
      [queue.take(device.id, [runtime], never), queue.take(device.id, [runtime], never)].map((lease) => lease!.job.key),
    ).toEqual([workload(1), workload(2)].map(workloadKey));
  });
});

describe('ensureMeasured', () => {
  it('asks for what is missing only, once each, and gives the table', async () => {
    const { store, queue } = testQueue();
    const progress: string[] = [];
    const onProgress = ({ measured, failed, total }: { measured: number; failed: number; total: number }) =>
      progress.push(`${measured}+${failed}/${total}`);
    const measure = (medianMs: number) => {
      const lease = queue.take(device.id, [runtime], never)!;
      queue.complete(device.id, lease.job.id, lease.id, success(medianMs));
    };
    const first = ensureMeasured({ store, queue }, device.id, runtime, [workload(0)]);
    measure(1);
    expect((await first).size).toBe(1);

    const second = ensureMeasured({ store, queue }, device.id, runtime, [workload(0), workload(1), workload(1)], {
      onProgress,
    });
    measure(5);
    const table = await second;
    expect([workload(0), workload(1)].map((one) => table.get(workloadKey(one))!.medianMs)).toEqual([1, 5]);
    expect(progress).toEqual(['1+0/2', '2+0/2']);
    expect(queue.take(device.id, [runtime], never)).toBeUndefined();
  });

  it('measures in rounds until the two quietest agree, and takes the quietest', async () => {
    const { store, queue } = testQueue();
    const progress: number[] = [];
    const settlement = { least: 2, most: 5, agreementShare: 0.05 };
    const campaign = ensureMeasured({ store, queue }, device.id, runtime, [workload(0), workload(1)], {
      settlement,
      onProgress: ({ measured, total }) => progress.push(measured / total),
    });
    const rounds = [{ 0: 1, 1: 2 }, { 0: 1.04, 1: 3 }, { 1: 2.01 }];
    for (const round of rounds) {
      const leases = Object.keys(round).map(() => queue.take(device.id, [runtime], never)!);
      for (const lease of leases) {
        const index = lease.job.key === workloadKey(workload(0)) ? 0 : 1;
        queue.complete(device.id, lease.job.id, lease.id, success(round[index as 1]));
      }
      await new Promise(setImmediate);
    }
    const table = await campaign;
    expect([workload(0), workload(1)].map((one) => table.get(workloadKey(one))!.medianMs)).toEqual([1, 2]);
    expect(progress).toEqual([0, 0.25, 0.5, 0.75, 1, 1]);
  });

  it('says what failed and why when all have ended, and keeps the others', async () => {
    const { store, queue } = testQueue();
    const campaign = ensureMeasured({ store, queue }, device.id, runtime, [workload(0), workload(1)]);
    const [bad, good] = [queue.take(device.id, [runtime], never)!, queue.take(device.id, [runtime], never)!];
    queue.complete(device.id, bad.job.id, bad.id, { ok: false, reason: 'runtime', log: 'cannot load the model' });
    queue.complete(device.id, good.job.id, good.id, success(1));
    await expect(campaign).rejects.toThrow(
      'expected 2 measurements, but 1 failed (the others are kept); the first, conv k3 on 8x8x3: runtime: cannot load the model',
    );
    expect(store.latencies.table(device.id, runtime).size).toBe(1);
  });

  it('stops at the signal and withdraws its jobs', async () => {
    const { store, queue } = testQueue();
    const stop = new AbortController();
    const campaign = ensureMeasured({ store, queue }, device.id, runtime, [workload(0)], { signal: stop.signal });
    stop.abort(new Error('cancelled'));
    await expect(campaign).rejects.toThrow('cancelled');
    expect(store.jobs.countOpen(device.id)).toBe(0);
  });

  it('refuses a device and a runtime that are not there', async () => {
    const { store, queue } = testQueue();
    await expect(ensureMeasured({ store, queue }, 'nobody-00', runtime, [])).rejects.toThrow(
      'expected a device, but there is none with the name nobody-00',
    );
    await expect(ensureMeasured({ store, queue }, device.id, { ...runtime, threads: 64 }, [])).rejects.toThrow(
      /expected device bench to offer .*"threads":64/,
    );
  });
});
