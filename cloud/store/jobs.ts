/**
 * Jobs: workloads that a device should measure. Each change of state is one transaction, and the measurement of a job is
 * stored in the very transaction that ends it.
 *
 *             grant                      success
 *   queued ───────────▶ leased ─────────────────────▶ measured        (a late success: from queued, too)
 *    │  ▲                 │ │
 *    │  └─────────────────┘ └───────────────────────▶ failed
 *    │    giveBack                fail
 *    └─────────────────────────────────────────────▶ withdrawn        nobody waits for it any more
 */
import { canonicalJson } from '@bespoke/shared/base/json.js';
import type { FailureReason, MeasurementFailure, MeasurementSuccess } from '@bespoke/shared/latency/measurement.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import { type Workload, workloadKey } from '@bespoke/shared/latency/workload.js';
import type { Database } from './database.js';
import type { Latencies } from './latencies.js';

export type JobState = 'queued' | 'leased' | 'measured' | 'failed' | 'withdrawn';

export interface Job {
  readonly id: string;
  readonly deviceId: string;
  readonly runtime: RuntimeKey;
  readonly key: string;
  readonly workload: Workload;
  readonly state: JobState;
  /** Leases granted so far. */
  readonly attempts: number;
  readonly leaseId: string | null;
  /** Of the last failed attempt. */
  readonly reason: FailureReason | null;
  readonly log: string | null;
}

interface Row {
  id: string;
  device_id: string;
  runtime: string;
  workload_key: string;
  workload: string;
  state: JobState;
  attempts: number;
  lease_id: string | null;
  reason: FailureReason | null;
  log: string | null;
}

const select = `
  SELECT j.id, j.device_id, j.runtime, j.workload_key, w.workload, j.state, j.attempts, j.lease_id, j.reason, j.log
  FROM jobs j JOIN workloads w ON w.key = j.workload_key`;

function prepare(database: Database) {
  return {
    addWorkload: database.prepare<[string, string]>(
      'INSERT INTO workloads (key, workload) VALUES (?, ?) ON CONFLICT DO NOTHING',
    ),
    add: database.prepare<[string, string, string, string, string]>(
      "INSERT INTO jobs (id, device_id, runtime, workload_key, state, created) VALUES (?, ?, ?, ?, 'queued', ?)",
    ),
    get: database.prepare<[string], Row>(`${select} WHERE j.id = ?`),
    open: database.prepare<[string, string, string], Row>(
      `${select} WHERE j.device_id = ? AND j.runtime = ? AND j.workload_key = ? AND j.state IN ('queued', 'leased')`,
    ),
    next: database.prepare<[string, string], Row>(
      `${select} WHERE j.device_id = ? AND j.state = 'queued' AND j.runtime IN (SELECT value FROM json_each(?)) ORDER BY j.attempts, j.rowid LIMIT 1`,
    ),
    grant: database.prepare<[string, string]>(
      "UPDATE jobs SET state = 'leased', lease_id = ?, attempts = attempts + 1 WHERE id = ? AND state = 'queued'",
    ),
    giveBack: database.prepare<[string, string, string]>(
      "UPDATE jobs SET state = 'queued', lease_id = NULL, reason = ?, log = ? WHERE id = ? AND state = 'leased'",
    ),
    giveBackAll: database.prepare<[]>(
      "UPDATE jobs SET state = 'queued', lease_id = NULL, attempts = attempts - 1 WHERE state = 'leased'",
    ),
    end: database.prepare<[string, string | null, string | null, string, string]>(
      `UPDATE jobs SET state = ?, lease_id = NULL, reason = ?, log = ?, ended = ? WHERE id = ? AND state IN ('queued', 'leased')`,
    ),
    withdraw: database.prepare<[string, string]>(
      "UPDATE jobs SET state = 'withdrawn', ended = ? WHERE id = ? AND state = 'queued'",
    ),
    countOpen: database.prepare<[string], { count: number }>(
      "SELECT COUNT(*) AS count FROM jobs WHERE device_id = ? AND state IN ('queued', 'leased')",
    ),
  };
}

export class Jobs {
  readonly #sql: ReturnType<typeof prepare>;

  constructor(
    private readonly database: Database,
    private readonly latencies: Latencies,
    private readonly now: () => Date,
  ) {
    this.#sql = prepare(database);
  }

  /** The open jobs for these workloads, in their order; those that are not open yet are added, all or none. */
  add(deviceId: string, runtime: RuntimeKey, workloads: readonly Workload[], newId: () => string): Job[] {
    const runtimeText = canonicalJson(runtime);
    return this.database
      .transaction(() =>
        workloads.map((workload) => {
          const key = workloadKey(workload);
          const open = this.#sql.open.get(deviceId, runtimeText, key);
          if (open) return fromRow(open);
          const id = newId();
          this.#sql.addWorkload.run(key, canonicalJson(workload));
          this.#sql.add.run(id, deviceId, runtimeText, key, this.now().toISOString());
          return this.get(id)!;
        }),
      )
      .immediate();
  }

  get(id: string): Job | undefined {
    const row = this.#sql.get.get(id);
    return row && fromRow(row);
  }

  /** Leases the device's next job that one of these runtimes can do: fewest attempts first, then the oldest. */
  grant(deviceId: string, runtimes: readonly RuntimeKey[], leaseId: string): Job | undefined {
    return this.database
      .transaction(() => {
        const row = this.#sql.next.get(deviceId, JSON.stringify(runtimes.map((runtime) => canonicalJson(runtime))));
        if (!row) return undefined;
        this.#sql.grant.run(leaseId, row.id);
        return this.get(row.id);
      })
      .immediate();
  }

  /** leased → queued, with why. */
  giveBack(id: string, why: MeasurementFailure): void {
    this.#sql.giveBack.run(why.reason, why.log, id);
  }

  /** Gives back what was leased when the cloud stopped; that attempt does not count. Returns how many. */
  giveBackAll(): number {
    return this.#sql.giveBackAll.run().changes;
  }

  /** queued or leased → measured, and stores the measurement. False, and nothing changed, where the job had ended. */
  measure(job: Job, outcome: MeasurementSuccess): boolean {
    return this.database
      .transaction(() => {
        if (this.#sql.end.run('measured', null, null, this.now().toISOString(), job.id).changes === 0) return false;
        this.latencies.add(job, outcome);
        return true;
      })
      .immediate();
  }

  /** queued or leased → failed. False where the job had ended. */
  fail(id: string, why: MeasurementFailure): boolean {
    return this.#sql.end.run('failed', why.reason, why.log, this.now().toISOString(), id).changes === 1;
  }

  /** queued → withdrawn. A leased job is left to its end. */
  withdraw(id: string): boolean {
    return this.#sql.withdraw.run(this.now().toISOString(), id).changes === 1;
  }

  /** Jobs of the device that are queued or leased. */
  countOpen(deviceId: string): number {
    return this.#sql.countOpen.get(deviceId)!.count;
  }
}

function fromRow(row: Row): Job {
  return {
    id: row.id,
    deviceId: row.device_id,
    runtime: JSON.parse(row.runtime) as RuntimeKey,
    key: row.workload_key,
    workload: JSON.parse(row.workload) as Workload,
    state: row.state,
    attempts: row.attempts,
    leaseId: row.lease_id,
    reason: row.reason,
    log: row.log,
  };
}
