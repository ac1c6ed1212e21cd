/**
 * ReadyJobs: the jobs that wait for a device, in the order in which they go out. Those who ask for measurements share each
 * class of devices fairly: the next job is one of the requester served least so far, and of its jobs one with the fewest
 * attempts. Among these the order is that of their ids, which are random, so that a device that drifts does not favour the
 * workloads that were asked for first.
 *
 *   class ─▶ requester (served so far) ─▶ runtime ─▶ [attempts, id] ascending
 *
 * A requester that comes back after it had nothing to ask for starts level with the one that was served last: it neither
 * makes up for the time in which it was away nor is it made to wait for it. A job that several wait for stands in the row
 * of each, and is gone from all when it goes out.
 */
import { entry } from './entry.js';

export interface ReadyJob {
  readonly id: string;
  readonly deviceClass: string;
  /** Canonical JSON of its RuntimeKey. */
  readonly runtime: string;
  readonly attempts: number;
}

interface Row {
  served: number;
  readonly byRuntime: Map<string, ReadyJob[]>;
}

interface Pool {
  readonly rows: Map<string, Row>;
  /** What the requester that was served last had been served before. */
  level: number;
}

export class ReadyJobs {
  readonly #pools = new Map<string, Pool>();
  readonly #jobs = new Map<string, { readonly job: ReadyJob; readonly requesters: Set<string> }>();

  /** Adds a job, or one more that waits for it. */
  add(job: ReadyJob, requester: string): void {
    const known = this.#jobs.get(job.id) ?? { job, requesters: new Set() };
    this.#jobs.set(job.id, known);
    if (known.requesters.has(requester)) return;
    known.requesters.add(requester);
    const pool = entry(this.#pools, known.job.deviceClass, () => ({ rows: new Map(), level: 0 }));
    const row = entry(pool.rows, requester, () => ({ served: 0, byRuntime: new Map() }));
    if (isEmpty(row)) row.served = Math.max(row.served, pool.level);
    const jobs = entry(row.byRuntime, known.job.runtime, (): ReadyJob[] => []);
    jobs.splice(placeOf(jobs, known.job), 0, known.job);
  }

  /** Takes a job out, for everybody. */
  remove(id: string): void {
    const known = this.#jobs.get(id);
    for (const requester of known?.requesters ?? []) this.removeFor(id, requester);
  }

  /** One does not wait for it any more; the last takes it out. */
  removeFor(id: string, requester: string): void {
    const known = this.#jobs.get(id);
    if (!known?.requesters.delete(requester)) return;
    const { deviceClass, runtime } = known.job;
    const { byRuntime } = this.#pools.get(deviceClass)!.rows.get(requester)!;
    const jobs = byRuntime.get(runtime)!;
    jobs.splice(placeOf(jobs, known.job), 1);
    if (jobs.length === 0) byRuntime.delete(runtime);
    if (known.requesters.size === 0) this.#jobs.delete(id);
  }

  /** The next job of a class that one of these runtimes can do, and on whose account. */
  next(deviceClass: string, runtimes: readonly string[]): { job: ReadyJob; requester: string } | undefined {
    let least: { job: ReadyJob; requester: string; served: number } | undefined;
    for (const [requester, { served, byRuntime }] of this.#pools.get(deviceClass)?.rows ?? []) {
      if (least && least.served <= served) continue;
      const firsts = runtimes.flatMap((runtime) => byRuntime.get(runtime)?.[0] ?? []);
      const [job] = firsts.sort(compare);
      if (job) least = { job, requester, served };
    }
    return least;
  }

  /** Takes out the job that `next` gave, on that account. */
  take({ job, requester }: { job: ReadyJob; requester: string }): void {
    const pool = this.#pools.get(job.deviceClass)!;
    pool.level = pool.rows.get(requester)!.served++;
    this.remove(job.id);
  }
}

function compare(a: ReadyJob, b: ReadyJob): number {
  return a.attempts - b.attempts || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** Where the job stands in an ascending row, or would stand. */
function placeOf(jobs: readonly ReadyJob[], job: ReadyJob): number {
  let [low, high] = [0, jobs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(jobs[middle]!, job) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isEmpty({ byRuntime }: Row): boolean {
  return byRuntime.size === 0;
}
