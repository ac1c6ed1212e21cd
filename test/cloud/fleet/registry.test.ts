import { JobQueue } from '@bespoke/cloud/fleet/queue.js';
import { type AgentLink, type PresentAgent, Registry } from '@bespoke/cloud/fleet/registry.js';
import { sentinel } from '@bespoke/cloud/store/sentinel.js';
import { openStore } from '@bespoke/cloud/store/store.js';
import type { CloudMessage, JobMessage } from '@bespoke/shared/protocol/agent.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { device, runtime, success, twin, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';
import { until } from '../../support/until.js';

function testRegistry() {
  const store = openStore(temporaryFolder());
  const settings = { jobTimeoutMs: 10_000, leaseGraceMs: 60_000, maxAttempts: 3 };
  const queue = new JobQueue(store, settings);
  const registry = new Registry(store, queue, settings, () => {});
  onTestFinished(() => {
    registry.close();
    queue.close();
    store.close();
  });
  /** An agent that is ready, and what it is sent. */
  async function join(one = device) {
    const messages: CloudMessage[] = [];
    let welcome = false;
    const link: AgentLink = {
      welcome() {
        welcome = true;
      },
      send: (message) => void messages.push(message),
      close() {},
      refuse(error) {
        throw error;
      },
    };
    const agent = registry.join(one, link);
    await until('it is welcome', () => welcome);
    registry.ready(agent);
    await settled();
    const jobs = () => messages.filter((message): message is JobMessage => message.type === 'job');
    return { agent, jobs, messages };
  }
  const answer = (agent: PresentAgent, { jobId, leaseId }: JobMessage) =>
    registry.result(agent, { type: 'result', jobId, leaseId, outcome: success(0.3) });
  const request = () => queue.request('tests', device.id, runtime, [workload(0)], () => {});
  return { store, queue, registry, join, answer, request };
}

/** What was said has been stored and answered. */
const settled = async () => {
  for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
};

describe('Registry', () => {
  it('wakes the device whose table it is for before its twin', async () => {
    const { join, request } = testRegistry();
    const [second, first] = [await join(twin), await join()];
    request();
    await settled();
    expect([first.jobs().length, second.jobs().length]).toEqual([1, 0]);
    expect(first.jobs()[0]!.workload).toEqual(sentinel);
  });

  // A twin that is idle would wait for ever, for the job was announced already.
  it('wakes a twin when a device leaves before it took the job that it was woken for', async () => {
    const { registry, join, request } = testRegistry();
    const [first, second] = [await join(), await join(twin)];
    request();
    await settled();
    expect(second.jobs()).toEqual([]);
    registry.leave(first.agent, 'lost');
    await settled();
    expect(second.jobs()).toHaveLength(1);
  });

  it('acknowledges a result when it is stored, not before', async () => {
    const { store, registry, join, answer, request } = testRegistry();
    const { agent, jobs, messages } = await join();
    request();
    await settled();
    answer(agent, jobs()[0]!);
    registry.ready(agent);
    await settled();
    const job = jobs()[1]!;
    answer(agent, job);
    const stored = () => store.latencies.count(device.id);
    expect([stored(), messages.at(-1)]).toEqual([0, job]);
    await settled();
    expect([stored(), messages.at(-1)]).toEqual([1, { type: 'resultAck', jobId: job.jobId }]);
  });

  it('gives an agent that says twice that it is ready one job', async () => {
    const { registry, join, request } = testRegistry();
    const { agent, jobs } = await join();
    request();
    registry.ready(agent);
    registry.ready(agent);
    await settled();
    expect(jobs()).toHaveLength(1);
  });

  it('counts the twins that are here', async () => {
    const { registry, join } = testRegistry();
    await join();
    await join(twin);
    await join({ ...device, id: 'device-0003', info: { ...device.info, cpuCount: 64 } });
    expect(registry.countTwins(device.id, runtime)).toBe(2);
    expect(registry.countTwins(device.id, { ...runtime, threads: 2 })).toBe(0);
  });
});
