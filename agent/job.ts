/**
 * A job: a workload becomes a model file by the exporter's own passes, the file runs, samples or a failure come back.
 * Runs in the measuring process only (see isolated.ts).
 */
import { createHash } from 'node:crypto';
import { isAppError } from '@bespoke/shared/base/errors.js';
import {
  type FailureReason,
  type HostState,
  type MeasurementOutcome,
  type MeasurementSuccess,
  maxLogLength,
} from '@bespoke/shared/latency/measurement.js';
import { median } from '@bespoke/shared/latency/statistics.js';
import type { FileWorkload, Workload } from '@bespoke/shared/latency/workload.js';
import { graphModelOf } from './graph-model.js';
import { watchHost } from './host-state.js';
import { type Bench, measurePasses, type Pass, type Passes } from './passes.js';
import type { Model } from './runtime/runtime.js';

export interface Job {
  readonly workload: Workload;
  /** The file of a file workload. */
  readonly fileBytes?: Uint8Array | undefined;
}

/** The lowest latency that is told: a block that does nothing takes no less than one nanosecond. */
const leastMs = 1e-6;

/** Whether networks have it among others, so that it alone is nothing that anybody waits for. */
const isPiece: { readonly [K in Workload['kind']]: boolean } = {
  block: true,
  chain: true,
  network: false,
  file: false,
};

/** Why a job cannot be done as asked. */
class Refusal extends Error {}

/** Never throws: what fails is a failure with its reason. `watch` tells the state of the device around the measurement. */
export async function runJob(job: Job, bench: Bench, watch: typeof watchHost = watchHost): Promise<MeasurementOutcome> {
  try {
    const model = modelOf(job);
    const hostAfter = watch();
    const passes = await measurePasses(model, bench, isPiece[job.workload.kind]);
    return outcomeOf(passes, bench, { ...hostAfter(), ...paceOf(passes, bench) });
  } catch (error) {
    const { message, stack } = error as Error;
    const log = isAppError(error) || error instanceof Refusal ? message : (stack ?? message);
    return { ok: false, reason: reasonOf(error), log: log.slice(0, maxLogLength) };
  }
}

function paceOf({ counted }: Passes, { pace }: Bench): Pick<HostState, 'slowness' | 'quietestMs'> {
  if (!pace) return { slowness: null, quietestMs: null };
  const slowness = median([...counted].map((pass) => pass.slowness));
  return {
    slowness: compact(slowness),
    quietestMs: compact(Math.min(...[...counted].map((pass) => pass.quietestMs!))),
  };
}

function reasonOf(error: unknown): FailureReason {
  if (isAppError(error, 'RUNTIME_REFUSED') || isAppError(error, 'RUNTIME_UNAVAILABLE')) return 'runtime';
  return isAppError(error) || error instanceof Refusal ? 'refused' : 'crashed';
}

/** What the runtime is to load for a workload. Throws `WORKLOAD_TOO_LARGE`, `GRAPH_ILLEGAL`, `NETWORK_ILLEGAL`. */
export function modelOf({ workload, fileBytes }: Job): Model {
  if (workload.kind === 'file') {
    return { kind: 'file', format: workload.format, bytes: checkedFile(workload, fileBytes) };
  }
  return graphModelOf(workload);
}

function checkedFile({ sha256, byteCount }: FileWorkload, bytes: Uint8Array | undefined): Uint8Array {
  if (!bytes) throw new Refusal(`expected the ${byteCount} bytes of file ${sha256}, but got none`);
  const got = createHash('sha256').update(bytes).digest('hex');
  if (got !== sha256)
    throw new Refusal(
      `expected a file with SHA-256 ${sha256} and ${byteCount} bytes, but got ${got} and ${bytes.length}`,
    );
  return bytes;
}

function outcomeOf(
  { all, counted, overheadMs: exactMs }: Passes,
  { runtime, pace }: Bench,
  host: HostState,
): MeasurementSuccess {
  const overheadMs = compact(exactMs);
  const samplesOf = (passes: readonly Pass[]) =>
    passes.flatMap((pass) => pass.samplesMs.map((ms) => compact(Math.max(ms - overheadMs, leastMs))));
  return {
    ok: true,
    samplesMs: samplesOf(all.filter((pass) => counted.has(pass))),
    uncountedMs: samplesOf(all.filter((pass) => !counted.has(pass))),
    passes: all.map((pass) => ({
      counted: counted.has(pass),
      sampleCount: pass.samplesMs.length,
      ...(pace && { slowness: compact(pass.slowness) }),
    })),
    overheadMs,
    batchSize: all.find((pass) => counted.has(pass))!.batchSize,
    runtime: runtime.key,
    host,
  };
}

/** Six digits: no clock tells more, and a message of a thousand samples stays short. */
function compact(ms: number): number {
  return Number(ms.toPrecision(6));
}
