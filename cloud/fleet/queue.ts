/**
 * JobQueue: what is to be measured, who measures it, and until when. Every change is stored before anyone hears of it, and a
 * job's result counts once, however often it is sent.
 *
 * A job returns to the queue when its lease ends without a result (the agent is gone, the lease ran out) or with a
 * failure that another try may mend, until its attempts are used up.
 */
import { randomUUID } from 'node:crypto';
import { canonicalJson } from '@bespoke/shared/base/json.js';
import type { FailureReason, MeasurementFailure, MeasurementOutcome } from '@bespoke/shared/latency/measurement.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import type { CloudConfig } from '../config.js';
import type { Job } from '../store/jobs.js';
import type { Store } from '../store/store.js';

/** Whether another try may mend a failure: the same workload is refused the same way every time. */
const mayBeMended: { readonly [R in FailureReason]: boolean } = {
  refused: false,
  runtime: false,
  crashed: true,
  timeout: true,
};

export interface Lease {
  readonly id: string;
  readonly job: Job;
  readonly timeoutMs: number;
}

type Watcher = (job: Job) => void;

export class JobQueue {
  readonly #listeners = new Set<Watcher>();
  /** By job: who waits for its end. */
  readonly #watchers = new Map<string, Set<Watcher>>();
  /** By job: when its lease runs out. */
  readonly #expiries = new Map<string, NodeJS.Timeout>();

  constructor(
    private readonly store: Pick<Store, 'jobs'>,
    private readonly settings: Pick<CloudConfig, 'jobTimeoutMs' | 'leaseGraceMs' | 'maxAttempts'>,
  ) {
    store.jobs.giveBackAll();
  }

  /** Calls `listener` with every job after each change of its state. */
  subscribe(listener: Watcher): void {
    this.#listeners.add(listener);
  }

  /**
   * Queues what is not queued yet and calls `onEnded` once for each of the jobs, when it ends. The returned function stops
   * that, and withdraws what then nobody waits for.
   */
  request(deviceId: string, runtime: RuntimeKey, workloads: readonly Workload[], onEnded: Watcher): () => void {
    const jobs = this.store.jobs.add(deviceId, runtime, workloads, randomUUID);
    for (const { id } of jobs) this.#watchers.set(id, (this.#watchers.get(id) ?? new Set()).add(onEnded));
    for (const job of jobs) this.#changed(job);
    return () => {
      for (const { id } of jobs) this.#unwatch(id, onEnded);
    };
  }

  /** Leases the next job of a device; `onExpired` is called if the lease runs out. */
  take(deviceId: string, runtimes: readonly RuntimeKey[], onExpired: () => void): Lease | undefined {
    const { jobTimeoutMs: timeoutMs, leaseGraceMs } = this.settings;
    const id = randomUUID();
    const job = this.store.jobs.grant(deviceId, runtimes, id);
    if (!job) return undefined;
    const lease = { id, job, timeoutMs };
    const expire = () => {
      this.giveBack(lease, `no result within ${timeoutMs + leaseGraceMs} ms`);
      onExpired();
    };
    this.#expiries.set(job.id, setTimeout(expire, timeoutMs + leaseGraceMs));
    this.#changed(job);
    return lease;
  }

  /** Ends a lease without a result. */
  giveBack(lease: Lease, why: string): void {
    const job = this.store.jobs.get(lease.job.id)!;
    if (job.leaseId === lease.id) this.#attemptFailed(job, { ok: false, reason: 'crashed', log: why });
  }

  /**
   * Records what a device says of a job. A success counts even when its lease is over, unless the job has ended; a failure
   * counts only under its lease, for the end of the lease was counted already.
   */
  complete(deviceId: string, jobId: string, leaseId: string, outcome: MeasurementOutcome): void {
    const job = this.store.jobs.get(jobId);
    if (job?.deviceId !== deviceId) return;
    const checked = checkRuntime(job, outcome);
    if (checked.ok) {
      if (this.store.jobs.measure(job, checked)) this.#changed(this.store.jobs.get(jobId)!);
    } else if (job.leaseId === leaseId) {
      this.#attemptFailed(job, checked);
    }
  }

  /** Forgets the timers. Leases stay stored; the next start gives them back. */
  close(): void {
    for (const timer of this.#expiries.values()) clearTimeout(timer);
    this.#expiries.clear();
    this.#watchers.clear();
    this.#listeners.clear();
  }

  #attemptFailed(job: Job, why: MeasurementFailure): void {
    if (mayBeMended[why.reason] && job.attempts < this.settings.maxAttempts) this.store.jobs.giveBack(job.id, why);
    else this.store.jobs.fail(job.id, why);
    this.#changed(this.store.jobs.get(job.id)!);
  }

  #changed(job: Job): void {
    if (job.state !== 'leased') {
      clearTimeout(this.#expiries.get(job.id));
      this.#expiries.delete(job.id);
    }
    for (const listener of this.#listeners) listener(job);
    if (job.state === 'queued' || job.state === 'leased') return;
    const watchers = this.#watchers.get(job.id);
    this.#watchers.delete(job.id);
    for (const watcher of watchers ?? []) watcher(job);
  }

  #unwatch(id: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(id);
    if (!watchers?.delete(watcher) || watchers.size > 0) return;
    this.#watchers.delete(id);
    if (this.store.jobs.withdraw(id)) this.#changed(this.store.jobs.get(id)!);
  }
}

/** An outcome of another runtime than was asked for is a failure: its number belongs into another table. */
function checkRuntime(job: Job, outcome: MeasurementOutcome): MeasurementOutcome {
  if (!outcome.ok) return outcome;
  const [expected, got] = [canonicalJson(job.runtime), canonicalJson(outcome.runtime)];
  return expected === got
    ? outcome
    : { ok: false, reason: 'refused', log: `expected a measurement by ${expected}, but it was made by ${got}` };
}
