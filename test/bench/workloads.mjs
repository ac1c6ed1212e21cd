/** What the measuring benches share: twenty workloads that take long enough, and how they speak of the machine. */
import { loadavg } from 'node:os';
import { describeWorkload } from '@bespoke/cloud/fleet/describe.js';
import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { choose, fastestPath, slowestPath } from '@bespoke/cloud/search/space.js';
import { readingOf, retold } from '@bespoke/shared/latency/measurement.js';
import { isOutdated, quietForMs } from '@bespoke/shared/latency/reading.js';
import { median } from '@bespoke/shared/latency/statistics.js';
import { workloadsOf } from '@bespoke/shared/latency/workload.js';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';

/** Block indices of zoo networks: stems, MBConvs of all kernel sizes and widths, a 1x1 convolution, one with squeeze and excitation. */
const blocks = {
  'mobilenet-v2': [0, 2, 4, 6, 8, 12, 14, 16, 17, 18],
  'proxyless-mobile': [2, 10, 14, 21],
};

/** The preset's space for images of this size. */
export function spaceOf(preset, pixels) {
  return buildSpace({ preset }, { height: pixels, width: pixels, channels: 3, classes: { length: 10 } });
}

/** Shorter workloads are the library's overhead more than its kernels. */
const leastMs = 0.2;

/** The path of the first or the last candidates, whose kernels and expansions are the smallest or the greatest of their slots. */
export function extremes(space) {
  const byIndex = space.slots.map(({ candidates }) => candidates.map((_, index) => index));
  return [fastestPath(byIndex), slowestPath(byIndex)].map((path, index) =>
    choose(space, path, `${space.name} ${index}`),
  );
}

/** The block that training steps are timed on: MBConv with six times as many channels inside, for maps of 16x16x32. */
export const trainedBlock = {
  outChannels: 32,
  kernelSize: 5,
  stride: 1,
  expandRatio: 6,
  activation: 'relu6',
  squeezeExcite: false,
};

export function networkWorkload(network) {
  return { kind: 'network', network, dtype: 'float32', batch: 1 };
}

/** Fourteen blocks and six networks for images of so many times their own size. */
function workloadsAt(scale) {
  const ofBlocks = Object.entries(blocks).flatMap(([name, indices]) => {
    const all = workloadsOf(zooNetwork(name, { resolution: 224 * scale }));
    return indices.map((index) => all[index]);
  });
  const networks = [
    ...extremes(spaceOf('small', 32 * scale)),
    ...extremes(spaceOf('mobile-small', 48 * scale)),
    zooNetwork('mobilenet-v2', { resolution: 96 * scale }),
    zooNetwork('proxyless-mobile', { resolution: 96 * scale }),
  ];
  return [...ofBlocks, ...networks.map(networkWorkload)];
}

/** Twenty workloads, each for the smallest images for which it takes `leastMs` on this machine, each with a name for people. */
export async function benchWorkloads(measurer, runtime) {
  const chosen = [];
  for (const scale of [1, 1.5, 2, 3, 4, 6, 8]) {
    for (const [index, workload] of workloadsAt(scale).entries()) {
      if (chosen[index]) continue;
      const { samplesMs } = await measureSuccess(measurer, workload, { runtime });
      if (median(samplesMs) >= leastMs) chosen[index] = { name: describeWorkload(workload), workload };
    }
  }
  return chosen;
}

export function printLoad(when) {
  console.log(`load average ${when}: ${loadavg()[0].toFixed(1)}`);
}

export const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}%`;

/** The runtime that the benches ask the measurer for. */
export async function tfliteRuntime(measurer) {
  const runtime = (await measurer.runtimes()).find(({ runtime, delegate, threads }) => {
    return runtime === 'tflite' && delegate === 'xnnpack' && threads === 1;
  });
  if (!runtime) throw new Error('expected tflite with XNNPACK and one thread on this device; see `npx bespoke doctor`');
  return runtime;
}

/** The reading of an outcome that has just come. */
export function readingNow(outcome) {
  return { ...readingOf(outcome), outcome, atMs: performance.now() };
}

/** Tells readings, lists of them, again where the latest knows the device quieter, as the cloud's store does (cloud/store/latencies.ts). */
export function tellAgain(lists, { outcome, atMs: nowMs }) {
  const { quietestMs } = outcome.host;
  if (quietestMs === null) return;
  for (const readings of lists) {
    for (const [index, reading] of readings.entries()) {
      if (nowMs - reading.atMs > quietForMs || !isOutdated(reading.outcome.host.quietestMs, quietestMs)) continue;
      const told = retold(reading.outcome, quietestMs);
      readings[index] = { ...reading, ...readingOf(told), outcome: told };
    }
  }
}

/** The outcome of a workload that must succeed. */
export async function measureSuccess(measurer, workload, options) {
  const outcome = await measurer.measure(workload, { timeoutMs: 120_000, ...options });
  if (!outcome.ok) throw new Error(`${describeWorkload(workload)}: ${outcome.reason}: ${outcome.log}`);
  return outcome;
}
