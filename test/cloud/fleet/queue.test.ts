import { agreeing, ensureMeasured, ensureMeasuredOnAll, once, type Settlement } from '@bespoke/cloud/fleet/campaign.js';
import { estimateCampaign } from '@bespoke/cloud/fleet/estimate.js';
import { JobQueue, type Lease } from '@bespoke/cloud/fleet/queue.js';
import { maxRepeats } from '@bespoke/cloud/fleet/sentinel.js';
import type { Job } from '@bespoke/cloud/store/jobs.js';
import { openStore } from '@bespoke/cloud/store/store.js';
import type { MeasurementOutcome } from '@bespoke/shared/latency/measurement.js';
import { type BlockWorkload, workloadKey } from '@bespoke/shared/latency/workload.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { device, runtime, success, twin, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';
import { until } from '../../support/until.js';

const never = () => expect.unreachable('the lease ran out');

/** A queue on its own: tests open and end the blocks that jobs are measured in. */
function testQueue(settings = {}, now?: () => Date) {
  const store = openStore(temporaryFolder(), now);
  for (const one of [device, twin]) store.devices.save(one);
  const queue = new JobQueue(store, { jobTimeoutMs: 10_000, leaseGraceMs: 0, maxAttempts: 3, ...settings });
  onTestFinished(() => {
    queue.close();
    store.close();
  });
  const ended: Job[] = [];
  const blockOf = (deviceId: string) =>
    store.blocks.open().find((block) => block.deviceId === deviceId) ?? store.blocks.add(deviceId, runtime, 1);
  const take = ({ onExpired = never as () => void, by = device } = {}) => {
    const worker = { deviceId: by.id, deviceClass: store.devices.classOf(by.id)! };
    return queue.take(worker, runtime, blockOf(by.id).id, onExpired);
  };
  const complete = (lease: Lease, outcome: MeasurementOutcome, by = device) =>
    queue.complete(by.id, lease.job.id, lease.id, outcome);
  return {
    store,
    queue,
    ended,
    take,
    complete,
    /** The next job is measured. */
    measure: (medianMs: number) => complete(take()!, success(medianMs)),
    endBlock: (doubt: string | null = null, by = device) =>
      queue.judged(store.blocks.end(blockOf(by.id).id, 1, doubt, maxRepeats)),
    request: (...indices: number[]) =>
      queue.request('tests', device.id, runtime, indices.map(workload), (job) => ended.push(job)),
  };
}

describe('JobQueue', () => {
  it('refuses what no device can hold, and then queues nothing of it', () => {
    const { store, queue } = testQueue();
    const huge = { ...workload(1), inputShapes: [[4096, 4096, 4096]] };
    const request = () => queue.request('tests', device.id, runtime, [workload(0), huge], never);
    expect(request).toThrow(/^expected a workload that a device can hold, at most 1073741824 bytes of activations/);
    expect(store.jobs.countOpen(device.id)).toBe(0);
  });

  it('records a result once, however often it comes, and ends the job with its block', () => {
    const { store, ended, request, take, complete, endBlock } = testQueue();
    request(0);
    const lease = take()!;
    expect([1, 2, 3].map(() => complete(lease, success(2)))).toEqual([true, false, false]);
    expect(ended).toEqual([]);
    expect(store.latencies.table(device.id, runtime).get(lease.job.key)).toMatchObject({
      medianMs: 2,
      doubt: expect.stringMatching(/^provisional/),
    });
    endBlock();
    expect(ended.map(({ state }) => state)).toEqual(['measured']);
    expect(store.latencies.table(device.id, runtime).get(lease.job.key)).toMatchObject({ medianMs: 2, doubt: null });
    expect(complete(lease, success(2))).toBe(false);
    expect(store.latencies.measurements(device.id, runtime, lease.job.key)).toHaveLength(1);
  });

  it('takes a success whose lease was given back, and then ignores the next one', () => {
    const { store, queue, ended, request, take, complete, endBlock } = testQueue();
    request(0);
    const first = take()!;
    queue.giveBack(first, 'the connection was lost');
    const second = take()!;
    expect(second.job.id).toBe(first.job.id);
    expect([complete(first, success(2)), complete(second, success(9))]).toEqual([true, false]);
    endBlock();
    expect(ended).toHaveLength(1);
    expect(store.latencies.table(device.id, runtime).get(first.job.key)!.medianMs).toBe(2);
  });

  it('queues the jobs of a void block again; what was measured stays, flagged, and a result that comes again changes nothing', () => {
    const { store, ended, request, take, complete, endBlock } = testQueue();
    request(0);
    const first = take()!;
    complete(first, success(2));
    endBlock('it drifted');
    expect(complete(first, success(2))).toBe(false);
    const second = take()!;
    expect(second.job).toMatchObject({ id: first.job.id, attempts: 1, repeats: 1 });
    complete(second, success(3));
    endBlock();
    expect(ended.map(({ state }) => state)).toEqual(['measured']);
    const { key } = first.job;
    expect(store.latencies.measurements(device.id, runtime, key).map(({ verdict, doubt }) => [verdict, doubt])).toEqual(
      [
        ['void', 'it drifted'],
        ['good', null],
      ],
    );
    expect(store.latencies.table(device.id, runtime).get(key)!.medianMs).toBe(3);
    expect(store.latencies.readings(device.id, runtime)).toEqual(new Map([[key, [{ medianMs: 3, slowness: 1 }]]]));
  });

  it('counts a job after its last repeat, with its doubt', () => {
    const { store, ended, request, measure, endBlock } = testQueue();
    request(0);
    for (let repeat = 0; repeat <= maxRepeats; repeat++) {
      expect(ended).toHaveLength(0);
      measure(4 - repeat);
      endBlock('the hog stays');
    }
    expect(ended[0]).toMatchObject({ state: 'measured', repeats: maxRepeats });
    expect([...store.latencies.table(device.id, runtime).values()]).toMatchObject([
      { medianMs: 2, doubt: 'the hog stays' },
    ]);
  });

  it('keeps a result that comes after its block, as void, and measures again', () => {
    const { store, queue, ended, request, take, complete, endBlock } = testQueue();
    request(0);
    const lease = take()!;
    queue.giveBack(lease, 'the connection was lost');
    endBlock('the agent left');
    expect(complete(lease, success(2))).toBe(false);
    expect(store.latencies.measurements(device.id, runtime, lease.job.key)).toMatchObject([
      { verdict: 'void', doubt: 'it came after its block had ended' },
    ]);
    expect(ended).toEqual([]);
    expect(take()!.job.id).toBe(lease.job.id);
  });

  it('fails a job with its log after the last attempt', () => {
    const { ended, request, take, complete } = testQueue();
    request(0);
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(ended).toHaveLength(0);
      const lease = take()!;
      expect(lease.job.attempts).toBe(attempt);
      complete(lease, { ok: false, reason: 'crashed', log: `signal 11, time ${attempt}` });
    }
    expect(ended[0]).toMatchObject({ state: 'failed', attempts: 3, reason: 'crashed', log: 'signal 11, time 3' });
    expect(take()).toBeUndefined();
  });

  it('does not count an attempt that ended on purpose', () => {
    const { queue, request, take } = testQueue();
    request(0);
    for (let time = 0; time < 5; time++) {
      const lease = take()!;
      expect(lease.job.attempts).toBe(1);
      queue.giveBack(lease, null);
    }
  });

  it('does not try again what is refused', () => {
    const { ended, request, take, complete } = testQueue();
    request(0);
    complete(take()!, { ok: false, reason: 'refused', log: 'too large' });
    expect(ended[0]).toMatchObject({ state: 'failed', attempts: 1, reason: 'refused' });
  });

  it('quarantines a job that takes down two devices, with both logs, until it is released', () => {
    const { store, ended, request, take, complete } = testQueue();
    request(0);
    const first = take()!;
    complete(first, { ok: false, reason: 'crashed', log: 'signal 11 on the first' });
    complete(take({ by: twin })!, { ok: false, reason: 'crashed', log: 'signal 11 on the twin' }, twin);
    expect(ended).toMatchObject([{ state: 'quarantined' }]);
    const [quarantined] = store.jobs.quarantined();
    expect(quarantined!.id).toBe(first.job.id);
    expect(store.leases.deaths(first.job.id)).toEqual([
      { deviceId: device.id, deviceName: device.name, log: 'signal 11 on the first' },
      { deviceId: twin.id, deviceName: twin.name, log: 'signal 11 on the twin' },
    ]);
    request(0);
    expect(ended.map(({ id, state }) => [id, state])).toEqual(Array(2).fill([first.job.id, 'quarantined']));
    expect(take()).toBeUndefined();
    expect([store.jobs.release(first.job.id), store.jobs.release(first.job.id)]).toEqual([true, false]);
    request(0);
    expect(take()!.job.id).not.toBe(first.job.id);
  });

  it('clears a job whose late result shows that it took nobody down', () => {
    const { store, queue, ended, request, take, complete, endBlock } = testQueue();
    request(0);
    const first = take()!;
    queue.giveBack(first, 'the connection was lost');
    queue.giveBack(take({ by: twin })!, 'the connection was lost');
    expect(ended).toMatchObject([{ state: 'quarantined' }]);
    complete(first, success(2));
    expect(store.leases.deaths(first.job.id)).toHaveLength(1);
    endBlock();
    expect(store.jobs.get(first.job.id)!.state).toBe('measured');
  });

  it('has a twin measure for a device; the row says who measured, the table is that of the device', () => {
    const { store, queue, request, take, complete, endBlock } = testQueue();
    request(0);
    const other = { ...device, id: 'device-0003', info: { ...device.info, cpuModel: 'another cpu' } };
    store.devices.save(other);
    const worker = { deviceId: other.id, deviceClass: store.devices.classOf(other.id)! };
    expect(queue.peek(worker, [runtime])).toBeUndefined();
    const lease = take({ by: twin })!;
    expect(complete(lease, success(2), other)).toBe(false);
    complete(lease, success(2), twin);
    endBlock(null, twin);
    expect(store.latencies.measurements(device.id, runtime, lease.job.key)).toMatchObject([
      { measuredBy: twin.id, verdict: 'good' },
    ]);
    expect(store.latencies.count(twin.id)).toBe(0);
  });

  it('refuses a number that another runtime measured', () => {
    const { ended, request, take, complete } = testQueue();
    request(0);
    complete(take()!, { ...success(1), runtime: { ...runtime, delegate: 'none' } });
    expect(ended[0]).toMatchObject({ state: 'failed', reason: 'refused' });
    expect(ended[0]!.log).toContain('"delegate":"none"');
  });

  it('returns a job whose lease runs out, and says so to its holder', async () => {
    const { request, take } = testQueue({ jobTimeoutMs: 20 });
    request(0);
    let expired = false;
    take({
      onExpired: () => {
        expired = true;
      },
    });
    await until('the lease runs out', () => expired);
    expect(take()!.job).toMatchObject({ attempts: 2, reason: 'crashed', log: 'no result within 20 ms' });
  });

  it('withdraws what nobody waits for any more', () => {
    const { store, request, take } = testQueue();
    const stopFirst = request(0, 1);
    request(1, 2);
    stopFirst();
    expect(store.jobs.countOpen(device.id)).toBe(2);
    expect(new Set([take()!.job.key, take()!.job.key])).toEqual(new Set([workload(1), workload(2)].map(workloadKey)));
  });

  it('hands out jobs in the order of their ids, which are random, those with fewest attempts first', () => {
    const { queue, request, take, complete } = testQueue();
    request(...Array.from({ length: 40 }, (_, index) => index));
    const failed = take()!;
    complete(failed, { ok: false, reason: 'crashed', log: '' });
    const leases = Array.from({ length: 40 }, () => take()!);
    const ids = leases.map(({ job }) => job.id);
    expect(ids).toEqual([...ids.slice(0, 39).sort(), failed.job.id]);
    const asked = leases.map(({ job }) => (job.workload as BlockWorkload).body as { outChannels: number });
    expect(asked.map(({ outChannels }) => outChannels)).not.toEqual(
      asked.map(({ outChannels }) => outChannels).sort((a, b) => a - b),
    );
    expect(queue.peek({ deviceId: device.id, deviceClass: leases[0]!.job.deviceClass }, [runtime])).toBeUndefined();
  });

  it.each([2, 3, 7])(
    'shares a device between %i requesters, each within a tenth of its fair share over 1000 jobs',
    (count) => {
      const { store, queue } = testQueue();
      const served = new Map<string, number>();
      const worker = { deviceId: device.id, deviceClass: store.devices.classOf(device.id)! };
      const all = Array.from({ length: count }, (_, index) => `study ${index}`);
      // Each asks for other things, in its own way: all at once, or a few whenever it has none left.
      const chunks = all.map((_, index) => (index % 2 === 0 ? 1000 : 5));
      let next = 0;
      const ask = (index: number) => {
        const requester = all[index]!;
        const workloads = Array.from({ length: chunks[index]! }, () => workload(next++ % 4000));
        let left = workloads.length;
        queue.request(requester, device.id, { ...runtime, threads: index + 1 }, workloads, () => {
          if (--left === 0) ask(index);
        });
      };
      store.transaction(() => {
        for (const index of all.keys()) ask(index);
        const runtimes = all.map((_, index) => ({ ...runtime, threads: index + 1 }));
        for (let turn = 0; turn < 1000; turn++) {
          const one = queue.peek(worker, runtimes)!;
          const block = store.blocks.add(device.id, one, 1);
          const lease = queue.take(worker, one, block.id, never)!;
          const requester = all[lease.job.runtime.threads - 1]!;
          served.set(requester, (served.get(requester) ?? 0) + 1);
          queue.complete(device.id, lease.job.id, lease.id, { ...success(1), runtime: one });
          queue.judged(store.blocks.end(block.id, 1, null, maxRepeats));
        }
      });
      for (const requester of all) {
        expect(served.get(requester)! / 1000).toBeGreaterThan(0.9 / count);
        expect(served.get(requester)! / 1000).toBeLessThan(1.1 / count);
      }
    },
  );
});

describe('ensureMeasured', () => {
  it('asks for what is missing only, once each, and gives the table', async () => {
    const { store, queue, take, measure, endBlock } = testQueue();
    const progress: string[] = [];
    const onProgress = ({ measured, failed, total }: { measured: number; failed: number; total: number }) =>
      progress.push(`${measured}+${failed}/${total}`);
    const first = ensureMeasured({ store, queue }, device.id, runtime, [workload(0)]);
    measure(1);
    endBlock();
    expect((await first).size).toBe(1);

    const second = ensureMeasured({ store, queue }, device.id, runtime, [workload(0), workload(1), workload(1)], {
      onProgress,
    });
    measure(5);
    endBlock();
    const table = await second;
    expect([workload(0), workload(1)].map((one) => table.get(workloadKey(one))!.medianMs)).toEqual([1, 5]);
    expect(progress).toEqual(['1+0/2', '2+0/2']);
    expect(take()).toBeUndefined();
  });

  it('measures in rounds until the two quietest agree, and takes the quietest', async () => {
    const { store, queue, take, complete, endBlock } = testQueue();
    const progress: number[] = [];
    const campaign = ensureMeasured({ store, queue }, device.id, runtime, [workload(0), workload(1)], {
      settlement: agreeing,
      onProgress: ({ measured, total }) => progress.push(measured / total),
    });
    const rounds = [{ 0: 1, 1: 2 }, { 0: 1.04, 1: 3 }, { 1: 2.01 }];
    for (const round of rounds) {
      const leases = Object.keys(round).map(() => take()!);
      for (const lease of leases) {
        const index = lease.job.key === workloadKey(workload(0)) ? 0 : 1;
        complete(lease, success(round[index as 1]));
      }
      endBlock();
      await new Promise(setImmediate);
    }
    const table = await campaign;
    expect([workload(0), workload(1)].map((one) => table.get(workloadKey(one))!.medianMs)).toEqual([1, 2]);
    expect(progress).toEqual([0, 0.25, 0.5, 0.75, 1, 1]);
  });

  it('says what failed and why when all have ended, and keeps the others', async () => {
    const { store, queue, take, complete, endBlock } = testQueue();
    const campaign = ensureMeasured({ store, queue }, device.id, runtime, [workload(0), workload(1)]);
    const [bad, good] = [take()!, take()!];
    complete(bad, { ok: false, reason: 'runtime', log: 'cannot load the model' });
    complete(good, success(1));
    endBlock();
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

describe('ensureMeasuredOnAll', () => {
  it('gives a table per device and the sum of their progress', async () => {
    const { store, queue, take, complete, endBlock } = testQueue();
    const progress: string[] = [];
    const other = { ...device, id: 'device-0003', info: { ...device.info, cpuModel: 'another cpu' } };
    store.devices.save(other);
    const targets = [device, other].map(({ id: deviceId }) => ({ deviceId, runtime }));
    const campaign = ensureMeasuredOnAll({ store, queue }, targets, [workload(0)], {
      onProgress: ({ measured, failed, total }) => progress.push(`${measured}+${failed}/${total}`),
    });
    for (const [index, by] of [device, other].entries()) {
      complete(take({ by })!, success(index + 1), by);
      endBlock(null, by);
    }
    const key = workloadKey(workload(0));
    expect((await campaign).map((table) => table.get(key)!.medianMs)).toEqual([1, 2]);
    expect(progress).toEqual(['0+0/2', '1+0/2', '2+0/2']);
  });

  it('throws what one threw when all have ended', async () => {
    const { store, queue, measure, endBlock } = testQueue();
    const targets = [device.id, 'nobody-00'].map((deviceId) => ({ deviceId, runtime }));
    const campaign = ensureMeasuredOnAll({ store, queue }, targets, [workload(0)]);
    measure(1);
    endBlock();
    await expect(campaign).rejects.toThrow('there is none with the name nobody-00');
    expect(store.latencies.count(device.id)).toBe(1);
  });
});

describe('estimateCampaign', () => {
  it('counts what is missing, and how long that takes from how long jobs took', () => {
    let nowMs = 0;
    const { store, request, take, complete, endBlock } = testQueue({}, () => new Date(nowMs));
    const keys = [0, 1, 2].map((index) => workloadKey(workload(index)));
    const estimate = (settlement: Settlement, deviceCount = 1) =>
      estimateCampaign(store, { id: device.id, runtime, deviceCount }, keys, settlement);
    expect(estimate(once)).toEqual({ totalCount: 3, missingCount: 3, jobCount: 3, remainingMs: null });
    request(0, 1);
    for (const tookMs of [100, 300]) {
      const lease = take()!;
      nowMs += tookMs;
      complete(lease, success(2));
    }
    endBlock();
    // 200 ms on average, and a sentinel for every 20 jobs.
    expect(estimate(once)).toEqual({ totalCount: 3, missingCount: 1, jobCount: 1, remainingMs: 210 });
    expect(estimate(agreeing)).toEqual({ totalCount: 3, missingCount: 3, jobCount: 4, remainingMs: 840 });
    expect(estimate(agreeing, 4).remainingMs).toBe(210);
  });
});
