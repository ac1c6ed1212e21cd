/**
 * JobQueue: what is to be measured, who measures it, and until when. Every change is stored before anyone hears of it, and a
 * job's result counts once, however often it is sent.
 *
 * A job returns to the queue when its lease ends without a result (the agent is gone, the lease ran out) or with a
 * failure that another try may mend, until its attempts are used up. One that takes down two agents is quarantined.
 */
import { randomUUID } from 'node:crypto';
import type { FailureReason, MeasurementFailure, MeasurementOutcome } from '@bespoke/shared/latency/measurement.js';
import { lowerWorkload } from '@bespoke/shared/latency/size.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import type { CloudConfig } from '../config.js';
import type { Job, JobState } from '../store/jobs.js';
import { runtimeText } from '../store/runtime-text.js';
import type { Store } from '../store/store.js';
import { ReadyJobs } from './ready.js';

/** Whether another try may mend a failure: the same workload is refused the same way every time. */
const mayBeMended: { readonly [R in FailureReason]: boolean } = {
  refused: false,
  runtime: false,
  crashed: true,
  timeout: true,
};

const isOpen: { readonly [S in JobState]: boolean } = {
  queued: true,
  leased: true,
  provisional: true,
  measured: false,
  failed: false,
  quarantined: false,
  withdrawn: false,
};

/** Whose account a job is on that nobody waits for: it was asked for before the cloud was started again. */
const nobody = '';

export interface Lease {
  readonly id: string;
  readonly job: Job;
  readonly timeoutMs: number;
}

/** A device that could measure. */
export interface Worker {
  readonly deviceId: string;
  readonly deviceClass: string;
}

type Watcher = (job: Job) => void;

export class JobQueue {
  readonly #listeners = new Set<Watcher>();
  /** By job: who waits for its end, and on whose account. */
  readonly #watchers = new Map<string, Map<Watcher, string>>();
  /** By job: when its lease runs out. */
  readonly #expiries = new Map<string, NodeJS.Timeout>();
  readonly #ready = new ReadyJobs();

  constructor(
    private readonly store: Pick<Store, 'jobs' | 'leases'>,
    private readonly settings: Pick<CloudConfig, 'jobTimeoutMs' | 'leaseGraceMs' | 'maxAttempts'>,
  ) {
    store.jobs.giveBackAll();
    this.reload();
  }

  /** Calls `listener` with every job after each change of its state. */
  subscribe(listener: Watcher): void {
    this.#listeners.add(listener);
  }

  /** Sorts the queue anew; needed where a device changed its class. */
  reload(): void {
    for (const job of this.store.jobs.queued()) {
      this.#ready.remove(job.id);
      this.#enqueue(job);
    }
  }

  /**
   * Queues what is not queued yet, on the account of `requester`, and calls `onEnded` once for each of the jobs, when it
   * ends. The returned function stops that, and withdraws what then nobody waits for. Throws `WORKLOAD_TOO_LARGE`, and what
   * lowering throws, before anything is queued.
   */
  request(
    requester: string,
    deviceId: string,
    runtime: RuntimeKey,
    workloads: readonly Workload[],
    onEnded: Watcher,
  ): () => void {
    for (const workload of workloads) if (workload.kind !== 'file') lowerWorkload(workload);
    const jobs = this.store.jobs.add(deviceId, runtime, workloads, randomUUID);
    for (const { id } of jobs) this.#watchers.set(id, (this.#watchers.get(id) ?? new Map()).set(onEnded, requester));
    for (const job of jobs) this.#changed(job);
    const ids = jobs.map(({ id }) => id); // what is returned lives as long as the requester waits, and jobs need not
    return () => {
      for (const id of ids) this.#unwatch(id, onEnded);
    };
  }

  /** The runtime of the job that `take` would lease, if there is one. */
  peek({ deviceClass }: Worker, runtimes: readonly RuntimeKey[]): RuntimeKey | undefined {
    const texts = runtimes.map(runtimeText);
    const next = this.#ready.next(deviceClass, texts);
    return next && runtimes[texts.indexOf(next.job.runtime)];
  }

  /** Leases the next job of the device's class in one of its blocks; `onExpired` is called if the lease runs out. */
  take(worker: Worker, runtime: RuntimeKey, blockId: number, onExpired: () => void): Lease | undefined {
    const next = this.#ready.next(worker.deviceClass, [runtimeText(runtime)]);
    if (!next) return undefined;
    this.#ready.take(next);
    const { jobTimeoutMs: timeoutMs, leaseGraceMs } = this.settings;
    const id = newLeaseId();
    const job = this.store.jobs.grant(next.job.id, { id, deviceId: worker.deviceId, blockId });
    const lease = { id, job, timeoutMs };
    const expire = () => {
      this.giveBack(lease, `no result within ${timeoutMs + leaseGraceMs} ms`);
      onExpired();
    };
    this.#expiries.set(job.id, setTimeout(expire, timeoutMs + leaseGraceMs));
    this.#changed(job);
    return lease;
  }

  /** Ends a lease without a result. With null for why, the attempt does not count: it was not the job's fault. */
  giveBack(lease: Lease, why: string | null): void {
    const job = this.store.jobs.get(lease.job.id)!;
    if (job.leaseId !== lease.id) return;
    if (why !== null) {
      this.#attemptFailed(job, { ok: false, reason: 'crashed', log: why });
      return;
    }
    this.store.jobs.giveBack(job, null);
    this.#changed(this.store.jobs.get(job.id)!);
  }

  /**
   * Records what a device says of a job. A success counts even when its lease is over, unless the job has ended; a failure
   * counts only under its lease, for the end of the lease was counted already. True where a measurement was counted.
   */
  complete(deviceId: string, jobId: string, leaseId: string, outcome: MeasurementOutcome): boolean {
    const lease = this.store.leases.get(leaseId);
    if (lease?.deviceId !== deviceId || lease.jobId !== jobId) return false;
    const job = this.store.jobs.get(jobId)!;
    const checked = checkRuntime(job.runtime, outcome);
    if (checked.ok) {
      const counted = this.store.jobs.measure(job, lease, checked);
      if (counted) this.#changed({ ...job, state: 'provisional', leaseId: null, reason: null, log: null });
      return counted;
    }
    if (job.leaseId === leaseId) this.#attemptFailed(job, checked);
    return false;
  }

  /** These jobs changed with the end of their block. */
  judged(ids: readonly string[]): void {
    for (const id of ids) this.#changed(this.store.jobs.get(id)!);
  }

  /** Forgets the timers. Leases stay stored; the next start gives them back. */
  close(): void {
    for (const timer of this.#expiries.values()) clearTimeout(timer);
    this.#expiries.clear();
    this.#watchers.clear();
    this.#listeners.clear();
  }

  #attemptFailed(job: Job, why: MeasurementFailure): void {
    const { jobs, leases } = this.store;
    const { deviceId } = leases.get(job.leaseId!)!;
    const tookDownAnother =
      why.reason === 'crashed' && leases.deaths(job.id).some((death) => death.deviceId !== deviceId);
    if (tookDownAnother) jobs.fail(job, 'quarantined', why);
    else if (mayBeMended[why.reason] && job.attempts < this.settings.maxAttempts) jobs.giveBack(job, why);
    else jobs.fail(job, 'failed', why);
    this.#changed(jobs.get(job.id)!);
  }

  #changed(job: Job): void {
    if (job.state === 'queued') this.#enqueue(job);
    else this.#ready.remove(job.id);
    if (job.state !== 'leased') {
      clearTimeout(this.#expiries.get(job.id));
      this.#expiries.delete(job.id);
    }
    for (const listener of this.#listeners) listener(job);
    if (isOpen[job.state]) return;
    const watchers = this.#watchers.get(job.id);
    this.#watchers.delete(job.id);
    for (const watcher of watchers?.keys() ?? []) watcher(job);
  }

  #enqueue({ id, deviceClass, runtime, attempts }: Job): void {
    const ready = { id, deviceClass, runtime: runtimeText(runtime), attempts };
    const requesters = [...(this.#watchers.get(id)?.values() ?? [])];
    for (const requester of requesters.length > 0 ? requesters : [nobody]) this.#ready.add(ready, requester);
  }

  #unwatch(id: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(id);
    const requester = watchers?.get(watcher);
    if (!watchers || requester === undefined) return;
    watchers.delete(watcher);
    if (![...watchers.values()].includes(requester)) this.#ready.removeFor(id, requester);
    if (watchers.size > 0) return;
    this.#watchers.delete(id);
    if (this.store.jobs.withdraw(id)) this.#changed(this.store.jobs.get(id)!);
  }
}

/** Begins with the time, so that the store's indices of leases grow at one end. */
function newLeaseId(): string {
  return `${Date.now().toString(36)}-${randomUUID().slice(0, 18)}`;
}

/** An outcome of another runtime than was asked for is a failure: its number belongs into another table. */
export function checkRuntime(runtime: RuntimeKey, outcome: MeasurementOutcome): MeasurementOutcome {
  if (!outcome.ok) return outcome;
  const [expected, got] = [runtimeText(runtime), runtimeText(outcome.runtime)];
  return expected === got
    ? outcome
    : { ok: false, reason: 'refused', log: `expected a measurement by ${expected}, but it was made by ${got}` };
}
