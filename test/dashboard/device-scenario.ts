/** More of the scenario's device, for its page: samples, drift, a predictor, a second runtime, a second device. Generated, too; measured nowhere. */
import { type RandomStream, randomStream } from '@bespoke/shared/base/random.js';
import { unknownHost } from '@bespoke/shared/latency/measurement.js';
import type {
  DeviceView,
  LatencyView,
  MeasurementView,
  PredictorView,
  SentinelPoint,
} from '@bespoke/shared/protocol/api.js';
import { device, latencies, runtime } from './scenario.js';

const startMs = Date.parse('2026-11-24T09:00:00.000Z');
const isoAfter = (minutes: number) => new Date(startMs + 60_000 * minutes).toISOString();

export const otherDevice: DeviceView = {
  ...device,
  id: 'laptop',
  name: 'laptop-with-a-rather-long-name.example.internal',
  info: { ...device.info, hostname: 'laptop', arch: 'x64', cpuModel: 'Core Ultra 7 155H', cpuCount: 16 },
  online: false,
  measuredCount: 54,
};

/** The table with three numbers in doubt and two places that nobody measured. */
export const partLatencies: readonly LatencyView[] = latencies
  .filter((_, index) => index !== 17 && index !== 33)
  .map((latency, index) =>
    [5, 22, 40].includes(index)
      ? { ...latency, doubt: 'the sentinel drifted by 7.9% while this was measured' }
      : { ...latency, doubt: null },
  );

/** With one thread, the last blocks still missing. */
export const oneThreadLatencies: readonly LatencyView[] = latencies.slice(0, 45).map((latency, index) => {
  const factor = 1.55 + 0.3 * randomStream(5, 'one-thread', index).uniform();
  return scaled(latency, factor, { runtime: { ...runtime, threads: 1 } });
});

/** The second device: quicker at small kernels than at large ones, slower at the smallest maps. */
export const otherLatencies: readonly LatencyView[] = latencies
  .filter((_, index) => index % 11 !== 3)
  .map((latency, index) => {
    const { workload } = latency;
    const kernel = workload.kind === 'block' && workload.body.kind === 'mbconv' ? workload.body.kernelSize : 3;
    const sizePixels = workload.kind === 'block' ? workload.inputShapes[0]![0]! : 32;
    const factor = (0.3 + 0.07 * kernel + 2.2 / sizePixels) * (0.95 + 0.1 * randomStream(6, 'other', index).uniform());
    return scaled(latency, factor, { deviceId: otherDevice.id });
  });

function scaled(latency: LatencyView, factor: number, changes: Partial<LatencyView>): LatencyView {
  const { medianMs, lowMs, highMs } = latency;
  return { ...latency, medianMs: factor * medianMs, lowMs: factor * lowMs, highMs: factor * highMs, ...changes };
}

/** Five measurements of one workload: a quiet one, three as usual, one while the device was hot and its clock low. */
export function measurementsOf({ medianMs, count }: LatencyView): MeasurementView[] {
  return [1.02, 1, 1.015, 1.11, 1.01].map((factor, index) => {
    const random = randomStream(7, 'samples', index);
    const hot = factor > 1.1;
    return {
      samplesMs: Array.from({ length: count + 8 * index }, () => sampleOf(random, factor * medianMs)),
      overheadMs: 0.004,
      batchSize: 4,
      host: {
        ...unknownHost,
        loadAverage: hot ? 2.31 : 0.12,
        waitedShare: 0.002,
        throttled: hot,
        frequencyBeforeMhz: 2400,
        frequencyAfterMhz: hot ? 1800 : 2400,
        governor: 'ondemand',
        temperatureC: hot ? 84.2 : 58.5,
      },
      doubt: hot ? 'the clock fell from 2400 to 1800 MHz while this was measured' : null,
      measuredAt: isoAfter(95 * index),
    };
  });
}

/** Seldom, something else runs on the device for a while. */
function sampleOf(random: RandomStream, medianMs: number): number {
  const noise = Math.exp(0.012 * Math.abs(random.normal()));
  return medianMs * noise * (random.uniform() < 0.04 ? 1.15 + 2 * random.uniform() : 1);
}

/** Fifty readings, steady but for a spell of heat after the thirtieth, which voids what was measured in it and at its edges. */
export const sentinel: readonly SentinelPoint[] = Array.from({ length: 50 }, (_, index) => {
  const random = randomStream(8, 'sentinel', index);
  const heat = index >= 30 && index < 35 ? 0.118 : 0;
  const medianMs = 4.2 * (1 + heat + 0.006 * random.normal());
  return {
    runtime,
    medianMs,
    lowMs: medianMs * 0.994,
    highMs: medianMs * 1.007,
    doubt: index >= 30 && index <= 35 ? 'the sentinel took 4.208 ms before the block and 4.702 ms after it' : null,
    measuredAt: isoAfter(6 * index + random.uniform()),
  };
});

function networkPoint(index: number): PredictorView['points'][number] {
  const random = randomStream(9, 'predictor', index);
  const sumMs = 6 * 6 ** random.uniform();
  const predictedMs = 1.06 * sumMs;
  const measuredMs = predictedMs * (1 + 0.025 * random.normal());
  return {
    heldOut: index >= 30,
    sumMs,
    predictedMs,
    measuredMs,
    lowMs: measuredMs * 0.985,
    highMs: measuredMs * 1.02,
    macs: Math.round(5e6 * sumMs),
  };
}

/** Thirty networks fitted, twelve held out. */
export const predictor: PredictorView = (() => {
  const points = Array.from({ length: 42 }, (_, index) => networkPoint(index));
  const errors = points
    .filter(({ heldOut }) => heldOut)
    .map(({ predictedMs, measuredMs }) => Math.abs(predictedMs / measuredMs - 1));
  return {
    runtime,
    space: 'small 32x32x3',
    fittedAt: isoAfter(20),
    holdOut: {
      count: errors.length,
      meanError: errors.reduce((sum, error) => sum + error, 0) / errors.length,
      worstError: Math.max(...errors),
      spearman: 0.986,
      within10Share: errors.filter((error) => error < 0.1).length / errors.length,
    },
    points,
  };
})();
