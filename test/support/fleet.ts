/** What tests of the fleet share: a device, its runtime, workloads, outcomes, and a cloud in this process. */
import { type Cloud, type CloudOptions, startCloud } from '@bespoke/cloud/compose.js';
import type { StudyService } from '@bespoke/cloud/server/api.js';
import type { Device } from '@bespoke/cloud/store/devices.js';
import { AppError } from '@bespoke/shared/base/errors.js';
import { type MeasurementSuccess, unknownHost } from '@bespoke/shared/latency/measurement.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { BlockWorkload } from '@bespoke/shared/latency/workload.js';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './folder.js';

export const runtime: RuntimeKey = { runtime: 'tflite', version: '2.9.0', threads: 1, delegate: 'xnnpack' };

export const device: Device = {
  id: 'device-0001',
  name: 'bench',
  info: { hostname: 'bench', platform: 'linux', arch: 'x64', cpuModel: 'some cpu', cpuCount: 2, memoryBytes: 8e9 },
  runtimes: [runtime],
};

/** A device of the same class. */
export const twin: Device = { ...device, id: 'device-0002', name: 'bench twin' };

/** Distinct workloads for 0, 1, 2, … */
export function workload(index: number): BlockWorkload {
  const body = { kind: 'conv', outChannels: index + 1, kernelSize: 3, stride: 1, activation: 'relu' } as const;
  return { kind: 'block', body, inputShapes: [[8, 8, 3]], dtype: 'float32', batch: 1 };
}

export function success(medianMs: number): MeasurementSuccess {
  return {
    ok: true,
    samplesMs: [medianMs, medianMs * 0.96, medianMs * 1.08],
    uncountedMs: [medianMs * 1.001],
    passes: [
      { counted: true, sampleCount: 3 },
      { counted: false, sampleCount: 1 },
    ],
    overheadMs: 0.01,
    batchSize: 10,
    runtime,
    host: { ...unknownHost, loadAverage: 0.5, governor: 'performance' },
  };
}

const noStudy = async () => {
  throw new AppError('SPEC_INVALID', { line: 1, path: '$', problem: 'this cloud runs no studies' });
};
const noRunning = (id: string) => {
  throw new AppError('NOT_FOUND', { what: 'running study', id });
};
/** A study service that runs nothing. */
export const noStudies: StudyService = {
  create: noStudy,
  estimate: noStudy,
  rejudging: noRunning,
  cancel: async (id) => noRunning(id),
  pause: noRunning,
  resume: noRunning,
  stop: noRunning,
};

/** A cloud on a free port, closed after the test. */
export async function testCloud(options: Partial<CloudOptions> = {}): Promise<Cloud> {
  const dataDirectory = options.dataDirectory ?? temporaryFolder();
  const cloud = await startCloud({
    dataDirectory,
    port: 0,
    dashboardDirectory: `${dataDirectory}/none`,
    studies: () => noStudies,
    ...options,
  });
  onTestFinished(() => cloud.close());
  return cloud;
}
