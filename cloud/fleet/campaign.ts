/** Campaign: from workloads to a LatencyTable. What was measured before is taken as it is; the rest become jobs. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { canonicalJson } from '@bespoke/shared/base/json.js';
import type { LatencyTable, RuntimeKey } from '@bespoke/shared/latency/table.js';
import { type Workload, workloadKey } from '@bespoke/shared/latency/workload.js';
import type { Job } from '../store/jobs.js';
import type { Store } from '../store/store.js';
import { describeWorkload } from './describe.js';
import type { JobQueue } from './queue.js';

/** Of the distinct workloads of the campaign. */
export interface CampaignProgress {
  /** Measured, before or now. */
  readonly measured: number;
  readonly failed: number;
  readonly total: number;
}

export interface CampaignOptions {
  readonly onProgress?: (progress: CampaignProgress) => void;
  /** Stops waiting, and withdraws what no other campaign waits for. */
  readonly signal?: AbortSignal;
}

/**
 * The device's table with an entry for every workload at least. Waits for the device if it is away.
 *
 * Throws `NOT_FOUND` for an unknown device, `DEVICE_RUNTIME_MISSING`, the signal's reason, and `MEASUREMENTS_FAILED` when all
 * jobs have ended and some failed; what was measured stays measured, so a second call asks for the failed ones alone.
 */
export async function ensureMeasured(
  { store, queue }: { store: Pick<Store, 'devices' | 'latencies'>; queue: JobQueue },
  deviceId: string,
  runtime: RuntimeKey,
  workloads: readonly Workload[],
  { onProgress, signal }: CampaignOptions = {},
): Promise<LatencyTable> {
  signal?.throwIfAborted();
  requireRuntime(store, deviceId, runtime);
  const distinct = new Map(workloads.map((workload) => [workloadKey(workload), workload]));
  const known = store.latencies.table(deviceId, runtime);
  const missing = [...distinct].filter(([key]) => !known.has(key)).map(([, workload]) => workload);

  const report = (left: number, failed: number) => {
    onProgress?.({ measured: distinct.size - left - failed, failed, total: distinct.size });
  };
  report(missing.length, 0);
  const failures = await runJobs(queue, deviceId, runtime, missing, report, signal);
  if (failures.length > 0) throw failure(failures, distinct.size);
  return store.latencies.table(deviceId, runtime);
}

function requireRuntime(store: Pick<Store, 'devices'>, deviceId: string, runtime: RuntimeKey): void {
  const device = store.devices.get(deviceId);
  if (!device) throw new AppError('NOT_FOUND', { what: 'device', id: deviceId });
  const [expected, offered] = [canonicalJson(runtime), device.runtimes.map((offer) => canonicalJson(offer))];
  if (!offered.includes(expected)) {
    throw new AppError('DEVICE_RUNTIME_MISSING', { device: device.name, expected, got: offered.join(', ') || 'none' });
  }
}

/** Runs the workloads as jobs; gives those that did not end measured. */
function runJobs(
  queue: JobQueue,
  deviceId: string,
  runtime: RuntimeKey,
  workloads: readonly Workload[],
  report: (left: number, failed: number) => void,
  signal: AbortSignal | undefined,
): Promise<Job[]> {
  if (workloads.length === 0) return Promise.resolve([]);
  return new Promise((resolve, reject) => {
    let left = workloads.length;
    const failures: Job[] = [];
    const stop = queue.request(deviceId, runtime, workloads, (job) => {
      left--;
      if (job.state !== 'measured') failures.push(job);
      report(left, failures.length);
      if (left > 0) return;
      signal?.removeEventListener('abort', abort);
      resolve(failures);
    });
    function abort(): void {
      stop();
      reject(signal!.reason);
    }
    signal?.addEventListener('abort', abort, { once: true });
  });
}

function failure(failures: readonly Job[], total: number): AppError<'MEASUREMENTS_FAILED'> {
  const first = failures[0]!;
  return new AppError('MEASUREMENTS_FAILED', {
    failed: failures.length,
    total,
    workload: describeWorkload(first.workload),
    reason: first.reason ?? 'withdrawn',
    log: first.log ?? '',
  });
}
