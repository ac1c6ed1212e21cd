/**
 * Campaign: from workloads to a LatencyTable. What is settled by earlier measurements is taken as it is; the rest become jobs,
 * in rounds: what disturbs a device lasts for seconds, and by the next round it has passed. A round ends with the verdicts on
 * the blocks that its jobs were measured in, so a campaign waits for no number that is provisional.
 *
 *   round 1: a b c d   round 2: a b c d   round 3: c   done: the two quietest measurements of each agree, of three where the device was slowed
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { canonicalJson } from '@bespoke/shared/base/json.js';
import { agree, type Reading } from '@bespoke/shared/latency/reading.js';
import type { LatencyTable, RuntimeKey } from '@bespoke/shared/latency/table.js';
import { type Workload, workloadKey } from '@bespoke/shared/latency/workload.js';
import { agreementShare } from '../store/doubt.js';
import type { Job } from '../store/jobs.js';
import type { Store } from '../store/store.js';
import { describeWorkload } from './describe.js';
import type { JobQueue } from './queue.js';

/** Of the measurements that the campaign needs at least; more rounds, where they are needed, come on top. */
export interface CampaignProgress {
  /** Made, before or now. */
  readonly measured: number;
  readonly failed: number;
  readonly total: number;
}

/** When a workload counts as measured. */
export interface Settlement {
  /** It has so many measurements and the two quietest agree, or it has `most`. */
  readonly least: number;
  readonly most: number;
  /** So many instead of `least` where the device was slowed by more than `slowedFrom` at the quietest. */
  readonly leastSlowed: number;
  /** How far the two quietest may lie apart. */
  readonly agreementShare: number;
}

/** Any measurement will do. */
export const once: Settlement = { least: 1, most: 1, leastSlowed: 1, agreementShare: 0 };
/** For tables that searches stand on. */
export const agreeing: Settlement = { least: 2, most: 5, leastSlowed: 3, agreementShare };
/** What is told of a device that was slowed more is off by some percent; a round later it may be quieter (docs/adr/0008). */
const slowedFrom = 1.2;

export interface CampaignOptions {
  /** On whose account; devices are shared fairly between those who ask. Campaigns without one share an account. */
  readonly requester?: string;
  /** `once` if absent. */
  readonly settlement?: Settlement;
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
  { requester = 'others', settlement = once, onProgress, signal }: CampaignOptions = {},
): Promise<LatencyTable> {
  requireRuntime(store, deviceId, runtime);
  const distinct = new Map(workloads.map((workload) => [workloadKey(workload), workload]));
  const total = distinct.size * settlement.least;
  let most = 0; // a third measurement of one workload counts in its round, and no longer in the next
  for (let round = 0; ; round++) {
    signal?.throwIfAborted();
    const readings = store.latencies.readings(deviceId, runtime);
    const known = (key: string) => readings.get(key) ?? [];
    const missing = [...distinct].filter(([key]) => !isSettled(known(key), settlement)).map(([, workload]) => workload);
    const before = [...distinct.keys()].reduce((sum, key) => sum + Math.min(known(key).length, settlement.least), 0);
    const report = (measured: number, failed: number) => {
      most = Math.max(most, before + measured);
      onProgress?.({ measured: Math.min(most, total - failed), failed, total });
    };
    if (round === 0) report(0, 0);
    if (missing.length === 0) return store.latencies.table(deviceId, runtime);
    const ask = (onEnded: (job: Job) => void) => queue.request(requester, deviceId, runtime, missing, onEnded);
    const failures = await runJobs(ask, missing.length, report, signal);
    if (failures.length > 0) throw failure(failures, distinct.size);
  }
}

/** One of the devices that a study is for. */
export interface CampaignTarget {
  readonly deviceId: string;
  readonly runtime: RuntimeKey;
}

/**
 * `ensureMeasured` on several devices at once: their tables, in the order of the targets; progress is the sum. All have ended
 * when this does; throws what the first of them threw.
 */
export async function ensureMeasuredOnAll(
  parts: { store: Pick<Store, 'devices' | 'latencies'>; queue: JobQueue },
  targets: readonly CampaignTarget[],
  workloads: readonly Workload[],
  { onProgress, ...options }: CampaignOptions = {},
): Promise<LatencyTable[]> {
  const progress = new Map<CampaignTarget, CampaignProgress>();
  const campaigns = targets.map((target) =>
    ensureMeasured(parts, target.deviceId, target.runtime, workloads, {
      ...options,
      onProgress(one) {
        progress.set(target, one);
        const sum = (part: keyof CampaignProgress) =>
          [...progress.values()].reduce((total, each) => total + each[part], 0);
        // Before all have begun, the total would be too small.
        if (progress.size === targets.length)
          onProgress?.({ measured: sum('measured'), failed: sum('failed'), total: sum('total') });
      },
    }),
  );
  await Promise.allSettled(campaigns);
  return Promise.all(campaigns);
}

/** Whether these measurements, the quietest first, settle a workload. */
export function isSettled(
  readings: readonly Reading[],
  { least, most, leastSlowed, agreementShare }: Settlement,
): boolean {
  if (readings.length >= most) return true;
  const [quietest, second = quietest] = readings;
  if (!quietest || readings.length < (quietest.slowness > slowedFrom ? leastSlowed : least)) return false;
  return agree(quietest, second!, agreementShare);
}

function requireRuntime(store: Pick<Store, 'devices'>, deviceId: string, runtime: RuntimeKey): void {
  const device = store.devices.get(deviceId);
  if (!device) throw new AppError('NOT_FOUND', { what: 'device', id: deviceId });
  const [expected, offered] = [canonicalJson(runtime), device.runtimes.map((offer) => canonicalJson(offer))];
  if (!offered.includes(expected)) {
    throw new AppError('DEVICE_RUNTIME_MISSING', { device: device.name, expected, got: offered.join(', ') || 'none' });
  }
}

/** Has `count` jobs run; gives those that did not end measured. */
function runJobs(
  ask: (onEnded: (job: Job) => void) => () => void,
  count: number,
  report: (measured: number, failed: number) => void,
  signal: AbortSignal | undefined,
): Promise<Job[]> {
  return new Promise((resolve, reject) => {
    let left = count;
    const failures: Job[] = [];
    const stop = ask((job) => {
      left--;
      if (job.state !== 'measured') failures.push(job);
      report(count - left - failures.length, failures.length);
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
    reason:
      first.state === 'quarantined' ? 'it took down two agents and is quarantined' : (first.reason ?? 'withdrawn'),
    log: first.log ?? '',
  });
}
