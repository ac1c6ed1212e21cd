/**
 * A hog, measured through: a real cloud and a real agent, real measurements, and busy processes that come in the middle of a campaign.
 * How much a hog slows a device differs from machine to machine, and others may be busy there, too. So what must hold is held to: that
 * something was noticed, and that no number of the hog's time ends in the table as if nothing had been.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pairAgent } from '@bespoke/agent/pair.js';
import { agreeing, isSettled } from '@bespoke/cloud/fleet/campaign.js';
import type { Measurement } from '@bespoke/cloud/store/latencies.js';
import { openStore } from '@bespoke/cloud/store/store.js';
import { readingOf, summarizeMeasurement } from '@bespoke/shared/latency/measurement.js';
import { quietestFirst } from '@bespoke/shared/latency/reading.js';
import { type BlockWorkload, workloadKey } from '@bespoke/shared/latency/workload.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../support/folder.js';
import { Program } from '../support/program.js';
import { until } from '../support/until.js';

/** Some tenths of a millisecond each, in one block between two sentinels. */
const workloads: readonly BlockWorkload[] = [20, 28].flatMap((pixels) =>
  [3, 7].flatMap((kernelSize) =>
    [3, 6].map((expandRatio) => ({
      kind: 'block',
      body: {
        kind: 'mbconv',
        outChannels: 24,
        expandRatio,
        kernelSize,
        stride: 1,
        activation: 'relu6',
        squeezeExcite: false,
      },
      inputShapes: [[pixels, pixels, 24]],
      dtype: 'float32',
      batch: 1,
    })),
  ),
);

/** Two busy processes a core; gives when they began and what ends them. */
async function startHog() {
  const hogs = Array.from({ length: 2 * availableParallelism() }, () =>
    spawn(process.execPath, ['-e', 'console.log(1); for (;;);'], { stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  const end = async () => {
    const running = hogs.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const ended = running.map((hog) => once(hog, 'exit'));
    for (const hog of running) hog.kill('SIGKILL');
    await Promise.all(ended);
  };
  onTestFinished(end);
  await Promise.all(hogs.map((hog) => once(hog.stdout, 'data')));
  return { startedAt: new Date().toISOString(), end };
}

const medianMs = (measurement: Measurement) => summarizeMeasurement(measurement).medianMs;

// The share of the time in which others had the core is what tells of a hog for certain.
describe.skipIf(process.platform !== 'linux')(
  'a campaign with a hog in its middle, where Linux tells who had the core',
  () => {
    it('notices the hog, and ends with numbers that agree and stand without it', { timeout: 600_000 }, async () => {
      const folder = temporaryFolder();
      const [data, workloadsPath, statePath] = ['data', 'workloads.json', 'agent.json'].map((name) =>
        join(folder, name),
      );
      writeFileSync(workloadsPath!, JSON.stringify(workloads));
      const cloud = new Program('integration/campaign-process.mjs', [data!, workloadsPath!, '1']);
      const { agentUrl, codes } = JSON.parse((await cloud.line(/^\{.*\}$/m))[0]) as {
        agentUrl: string;
        codes: string[];
      };
      await pairAgent({ cloud: { url: agentUrl }, code: codes[0]!, statePath: statePath!, name: 'test device' });
      new Program('../agent/bin/bespoke-agent.js', ['run', '--state', statePath!]);

      await cloud.line(/(?:^provisional [\s\S]*){3}/m, 180_000);
      const before = cloud.stdout.length;
      const hog = await startHog();
      // The first that ends may have begun before the hog; then one is judged with its block.
      const judged = /^provisional [\s\S]*^provisional [\s\S]*^(measured|queued) /m;
      await until('the block of the hog is judged', () => judged.test(cloud.stdout.slice(before)), 180_000);
      const endedAt = new Date().toISOString();
      await hog.end();
      await cloud.line(/^ended$/m, 180_000);

      const store = openStore(data!);
      onTestFinished(() => store.close());
      const [device] = store.devices.all();
      const runtime = device!.runtimes.find(({ delegate, threads }) => delegate === 'xnnpack' && threads === 1)!;
      const all = new Map(
        workloads.map((workload) => [
          workload,
          store.latencies.measurements(device!.id, runtime, workloadKey(workload)),
        ]),
      );
      const underHog = new Set(
        [...all.values()]
          .flat()
          .filter(({ measuredAt }) => measuredAt > hog.startedAt && measuredAt < endedAt)
          .sort((a, b) => (a.measuredAt < b.measuredAt ? -1 : 1))
          .slice(1),
      );
      expect([...underHog].map(({ verdict, doubt }) => verdict === 'void' || doubt !== null)).toContain(true);

      for (const [workload, measurements] of all) {
        const counted = measurements.filter(({ verdict }) => verdict === 'good' || verdict === 'doubtful');
        expect(measurements.some(({ measuredAt }) => measuredAt > endedAt)).toBe(true);
        expect(isSettled(quietestFirst(counted.map(readingOf)), agreeing)).toBe(true);
        const entry = store.latencies.get(device!.id, runtime, workloadKey(workload))!;
        const standing = counted.find((measurement) => medianMs(measurement) === entry.medianMs);
        expect(standing).toBeDefined();
        if (underHog.has(standing!)) expect(entry.doubt).not.toBeNull();
      }
    });
  },
);
