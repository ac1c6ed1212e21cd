import { JobQueue } from '@bespoke/cloud/fleet/queue.js';
import { type AgentLink, Registry } from '@bespoke/cloud/fleet/registry.js';
import { maxSentinelAttempts } from '@bespoke/cloud/fleet/sentinel.js';
import type { Job } from '@bespoke/cloud/store/jobs.js';
import { sentinel } from '@bespoke/cloud/store/sentinel.js';
import { openStore } from '@bespoke/cloud/store/store.js';
import type { MeasurementOutcome, MeasurementSuccess } from '@bespoke/shared/latency/measurement.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import type { JobMessage } from '@bespoke/shared/protocol/agent.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { device, runtime, success, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';
import { until } from '../../support/until.js';

/** An outcome of a device that knows itself by this quietest. */
function knowing(medianMs: number, quietestMs: number): MeasurementSuccess {
  const outcome = success(medianMs);
  return { ...outcome, host: { ...outcome.host, slowness: 1, quietestMs } };
}

/**
 * A device that measures: the sentinel takes what `sentinels` says, in turn, the last one for ever; a job takes 1 ms.
 * Gives what it was asked for: `S` for the sentinel, `j` for a job.
 */
function testFleet(sentinels: readonly (number | MeasurementOutcome)[], { leaseGraceMs = 60_000 } = {}) {
  const store = openStore(temporaryFolder());
  const settings = { jobTimeoutMs: 10_000, leaseGraceMs, maxAttempts: 3 };
  const queue = new JobQueue(store, settings);
  const registry = new Registry(store, queue, settings, () => {});
  onTestFinished(() => {
    registry.close();
    queue.close();
    store.close();
  });
  const fleet = { asked: '', ended: [] as Job[], store, join, request };
  let sentinelCount = 0;
  function answer(job: JobMessage): MeasurementOutcome {
    const isSentinel = workloadKey(job.workload) === workloadKey(sentinel);
    fleet.asked += isSentinel ? 'S' : 'j';
    if (!isSentinel) return knowing(1, 0.05);
    const level = sentinels[Math.min(sentinelCount++, sentinels.length - 1)]!;
    return typeof level === 'number' ? { ...success(1), samplesMs: [level] } : level;
  }
  /** `jobsUntilLost`: after so many jobs the connection is lost, before the next message. */
  function join(jobsUntilLost = Number.POSITIVE_INFINITY) {
    let left = jobsUntilLost;
    const link: AgentLink = {
      welcome: () => registry.ready(agent),
      send(message) {
        if (message.type !== 'job') return;
        const outcome = answer(message);
        registry.result(agent, { type: 'result', jobId: message.jobId, leaseId: message.leaseId, outcome });
        if (fleet.asked.endsWith('j') && --left === 0) registry.leave(agent, 'lost');
        else registry.ready(agent);
      },
      close() {},
      refuse(error) {
        throw error;
      },
    };
    const agent = registry.join(device, link);
    return agent;
  }
  function request(...indices: number[]) {
    queue.request('tests', device.id, runtime, indices.map(workload), (job) => fleet.ended.push(job));
  }
  return fleet;
}

const measurementsOf = ({ store }: ReturnType<typeof testFleet>, index: number) =>
  store.latencies
    .measurements(device.id, runtime, workloadKey(workload(index)))
    .map(({ verdict, doubt }) => [verdict, doubt]);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('BlockKeeper', () => {
  it('puts the sentinel before and after every 20 jobs, and when the queue runs dry', async () => {
    const fleet = testFleet([0.3]);
    fleet.store.devices.save(device);
    fleet.request(...upTo(45));
    fleet.join();
    await until('all have ended', () => fleet.ended.length === 45);
    expect(fleet.asked).toBe(`S${'j'.repeat(20)}S${'j'.repeat(20)}S${'j'.repeat(5)}S`);
    expect(measurementsOf(fleet, 0)).toEqual([['good', null]]);
  });

  it('measures the jobs of a block again whose sentinels differ, after a new sentinel', async () => {
    const fleet = testFleet([0.3, 0.33, 0.3]);
    fleet.store.devices.save(device);
    fleet.request(0, 1);
    fleet.join();
    await until('all have ended', () => fleet.ended.length === 2);
    expect(fleet.asked).toBe('SjjSSjjS');
    expect(measurementsOf(fleet, 0)).toEqual([
      ['void', 'the sentinel took 0.300 ms before the block and 0.330 ms after it, 10.0% apart'],
      ['good', null],
    ]);
  });

  it('tells jobs again when the sentinel finds the device quieter than it was known to be', async () => {
    const fleet = testFleet([0.3, knowing(0.3, 0.04)]);
    fleet.store.devices.save(device);
    fleet.request(0);
    fleet.join();
    await until('it has ended', () => fleet.ended.length === 1);
    const [measurement] = fleet.store.latencies.measurements(device.id, runtime, workloadKey(workload(0)));
    expect(measurement).toMatchObject({ verdict: 'doubtful', host: { quietestMs: 0.04, slowness: 1.25 } });
  });

  it('lets jobs count with a doubt when a hog stays that came after quieter blocks', async () => {
    const fleet = testFleet([0.3, 0.3, 0.45]);
    fleet.store.devices.save(device);
    fleet.request(0);
    fleet.join();
    await until('the quiet one has ended', () => fleet.ended.length === 1);
    // The sentinel of the quiet block opens this one; then it is the hog's.
    fleet.request(1);
    await until('it has ended', () => fleet.ended.length === 2);
    expect(fleet.asked).toBe('SjSjSSjSSjS');
    const slow = 'the device was slow: the sentinel took 0.450 ms, 50.0% more than in quieter blocks before';
    expect(measurementsOf(fleet, 1)).toEqual([
      ['void', 'the sentinel took 0.300 ms before the block and 0.450 ms after it, 50.0% apart'],
      ['void', slow],
      ['doubtful', slow],
    ]);
    expect(fleet.store.latencies.get(device.id, runtime, workloadKey(workload(1)))!.doubt).toBe(slow);
  });

  it('lets jobs count at once, with their doubt, while a device is hardly ever quiet, and repeats them when it is again', async () => {
    // Six blocks, all of which drift; then quiet ones, of which the last drifts.
    const unquiet = Array.from({ length: 6 }, () => [0.3, 0.32]).flat();
    const quiet = Array.from({ length: 9 }, () => 0.3); // the sentinel that closes one opens the next
    const fleet = testFleet([...unquiet, ...quiet, 0.33, 0.3]);
    fleet.store.devices.save(device);
    fleet.join();
    for (const index of upTo(12)) {
      fleet.request(index);
      await until('it has ended', () => fleet.ended.length === index + 1);
    }
    expect(fleet.asked).toBe(`${'SjS'.repeat(6)}S${'jS'.repeat(9)}SjS`);
    const verdicts = upTo(12).map((index) =>
      measurementsOf(fleet, index)
        .map(([verdict]) => verdict)
        .join(' '),
    );
    const good = upTo(8).map(() => 'good');
    expect(verdicts).toEqual(['void void doubtful', 'void doubtful', 'doubtful', ...good, 'void good']);
  });

  it('closes the block of a device that was away and came back, before anything else', async () => {
    const fleet = testFleet([0.3]);
    fleet.store.devices.save(device);
    fleet.request(...upTo(6));
    fleet.join(3);
    await until('it is lost', () => fleet.asked === 'Sjjj');
    await new Promise(setImmediate);
    expect(fleet.ended).toHaveLength(0);
    fleet.join();
    await until('all have ended', () => fleet.ended.length === 6);
    expect(fleet.asked).toBe('SjjjSjjjS');
  });

  it('gives up the block of a device that stays away', async () => {
    const fleet = testFleet([0.3], { leaseGraceMs: 30 });
    fleet.store.devices.save(device);
    fleet.request(0);
    fleet.join(1);
    await until('its job is queued again', () => fleet.store.jobs.queued().some(({ repeats }) => repeats === 1));
    expect(measurementsOf(fleet, 0)).toEqual([['void', 'the agent left before the sentinel closed the block']]);
  });

  it('goes on without a sentinel that fails, and says so of every number', async () => {
    const fleet = testFleet([{ ok: false, reason: 'runtime', log: 'cannot load it' }]);
    fleet.store.devices.save(device);
    fleet.request(0);
    fleet.join();
    await until('it has ended', () => fleet.ended.length === 1);
    const sentinels = 'S'.repeat(maxSentinelAttempts);
    expect(fleet.asked).toBe(`${sentinels}j${sentinels}`.repeat(3));
    expect(fleet.store.latencies.get(device.id, runtime, workloadKey(workload(0)))!.doubt).toBe(
      'the sentinel could not be measured',
    );
  });
});
