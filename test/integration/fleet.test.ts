/** Real agents and clouds, killed at the worst moments: no measurement is lost and none counts twice. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pairAgent } from '@bespoke/agent/pair.js';
import type { Cloud } from '@bespoke/cloud/compose.js';
import { openStore, type Store } from '@bespoke/cloud/store/store.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runtime, testCloud, workload } from '../support/fleet.js';
import { temporaryFolder } from '../support/folder.js';
import { Program } from '../support/program.js';
import { until } from '../support/until.js';

function startAgent({ agentUrl, newPairingCode }: Pick<Cloud, 'agentUrl' | 'newPairingCode'>, folder: string): Program {
  const args = [agentUrl, newPairingCode().code, join(folder, 'agent.json'), join(folder, 'gate')];
  return new Program('integration/agent-process.mjs', args);
}

const openGate = (folder: string) => writeFileSync(join(folder, 'gate'), '');

function firstDevice(store: Store): Promise<string> {
  return until('a device joins', () => store.devices.all()[0]?.id);
}

function online(cloud: Cloud): boolean {
  return cloud.store.devices.all().some((device) => cloud.registry.view(device).online);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

describe('agent', () => {
  it('measures every workload once, files by their bytes', async () => {
    const folder = temporaryFolder();
    const cloud = await testCloud();
    openGate(folder);
    const agent = startAgent(cloud, folder);
    const deviceId = await firstDevice(cloud.store);
    const { sha256, byteCount } = cloud.store.artifacts.put(Buffer.alloc(77, 1));
    const file = { kind: 'file', format: 'tflite', sha256, byteCount } as const;
    const workloads = [workload(0), workload(1), file];
    const table = await cloud.ensureMeasured(deviceId, runtime, workloads);
    expect(workloads.map((one) => table.get(workloadKey(one))!.medianMs)).toEqual([1, 2, 77]);
    await cloud.ensureMeasured(deviceId, runtime, workloads);
    for (const one of workloads)
      expect(cloud.store.latencies.measurements(deviceId, runtime, workloadKey(one))).toHaveLength(1);
    expect(await agent.kill('SIGTERM')).toBe(0);
  });

  it('killed in the middle of a job: the next agent to come measures it', async () => {
    const folder = temporaryFolder();
    const cloud = await testCloud();
    const agent = startAgent(cloud, folder);
    const deviceId = await firstDevice(cloud.store);
    const campaign = cloud.ensureMeasured(deviceId, runtime, [workload(0), workload(1)]);
    await agent.line(/measuring conv/);
    expect(cloud.registry.view(cloud.store.devices.get(deviceId)!)).toMatchObject({
      online: true,
      currentJob: 'conv k3 on 8x8x3',
      pendingCount: 2,
    });
    await agent.kill();
    await until('the cloud sees it', () => !online(cloud));
    openGate(folder);
    startAgent(cloud, folder);
    const table = await campaign;
    expect(table.size).toBe(2);
    expect(cloud.store.devices.all()).toHaveLength(1);
    for (const index of [0, 1])
      expect(cloud.store.latencies.measurements(deviceId, runtime, workloadKey(workload(index)))).toHaveLength(1);
  });

  it('thrown out by a second agent with its id, ends with a sentence', async () => {
    const folder = temporaryFolder();
    const cloud = await testCloud();
    const first = startAgent(cloud, folder);
    await firstDevice(cloud.store);
    startAgent(cloud, folder);
    await until('the first agent ends', () => first.stderr.includes('AGENT_REPLACED'));
    expect(first.stderr).toContain('only one agent per device');
    expect(online(cloud)).toBe(true);
  });
});

describe('agent --exit-with-parent', () => {
  // The parent may be killed before the agent looks who it is: so the agent is told, and both moments are tried.
  it.each([
    ['once it is connected', true],
    ['while it still starts', false],
  ])('ends when its parent is killed %s', async (_, connected) => {
    const folder = temporaryFolder();
    const cloud = await testCloud();
    const statePath = join(folder, 'agent.json');
    await pairAgent({ cloud: { url: cloud.agentUrl }, code: cloud.newPairingCode().code, statePath, name: 'orphan' });
    const parent = new Program('integration/orphan-parent.mjs', [statePath]);
    const pid = Number((await parent.line(/agent (\d+)/))[1]);
    if (connected) await until('the agent joins', () => online(cloud));
    await parent.kill();
    await until('the agent ends', () => !isRunning(pid));
  });
});

describe('cloud', () => {
  /** A port that is free now, so that a cloud can come back on it. */
  async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  async function addressOf(cloud: Program): Promise<Pick<Cloud, 'agentUrl' | 'newPairingCode'>> {
    const [, json] = await cloud.line(/^(\{"agentUrl".*\})\n/);
    const { agentUrl, code } = JSON.parse(json!) as { agentUrl: string; code: string };
    return { agentUrl, newPairingCode: () => ({ code, expiresAt: '' }) };
  }

  it('killed and started again on its folder: queued jobs go on, the result at hand counts once', async () => {
    const [data, folder, port] = [temporaryFolder(), temporaryFolder(), await freePort()];
    const first = new Program('integration/cloud-process.mjs', [data, String(port), '5']);
    const agent = startAgent(await addressOf(first), folder);
    await agent.line(/measuring conv/);
    await first.kill();
    openGate(folder); // the job at hand ends while there is no cloud
    await until('the agent sees it', () => agent.stderr.includes('trying again'));
    const second = new Program('integration/cloud-process.mjs', [data, String(port), '0']);
    await second.line(/agentUrl/);
    const store = openStore(data);
    onTestFinished(() => store.close());
    const deviceId = await firstDevice(store);
    await until('all is measured', () => store.latencies.count(deviceId) === 5 && store.jobs.countOpen(deviceId) === 0);
    expect(agent.stdout.match(/measuring conv/g)).toHaveLength(5);
    for (let index = 0; index < 5; index++) {
      expect(store.latencies.measurements(deviceId, runtime, workloadKey(workload(index)))).toHaveLength(1);
    }
  });

  it('and agent killed at random moments: each workload is counted exactly once', async () => {
    const [data, folder, port, count] = [temporaryFolder(), temporaryFolder(), await freePort(), 60];
    openGate(folder);
    const startCloud = () => new Program('integration/cloud-process.mjs', [data, String(port), String(count)]);
    let cloud = startCloud();
    const address = await addressOf(cloud);
    let agent = startAgent(address, folder);
    const store = openStore(data);
    onTestFinished(() => store.close());
    const deviceId = await firstDevice(store);
    const stream = randomStream(1, 'kills');
    for (let kill = 0; kill < 6; kill++) {
      const goal = Math.min(count - 1, store.latencies.count(deviceId) + stream.integer(12));
      await until('some more are measured', () => store.latencies.count(deviceId) >= goal);
      if (stream.uniform() < 0.5) {
        await agent.kill();
        agent = startAgent(address, folder);
      } else {
        await cloud.kill();
        cloud = startCloud();
      }
    }
    await until(
      'all is measured',
      () => store.latencies.count(deviceId) === count && store.jobs.countOpen(deviceId) === 0,
      40_000,
    );
    for (let index = 0; index < count; index++) {
      const measurements = store.latencies.measurements(deviceId, runtime, workloadKey(workload(index)));
      expect(measurements.map(({ samplesMs }) => samplesMs[0])).toEqual([index + 1]);
    }
  });
});
