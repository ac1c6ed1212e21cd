/**
 * Jobs: workloads that should be measured for a device. Each change of state is one transaction, and the measurement of a
 * job is stored in the very transaction that takes the job on.
 *
 *             grant             success                  block good, or repeats used up
 *   queued ───────────▶ leased ─────────▶ provisional ───────────────────────────────────▶ measured
 *    │  ▲                │ │ │               │
 *    │  ├────────────────┘ │ └──────────┐    │ block void           (a late success: from queued and quarantined, too)
 *    │  │ giveBack         └──▶ failed  │    │
 *    │  └──────────────────────────────────┘
 *    │                                  └──▶ quarantined ──release──▶ withdrawn
 *    └──▶ withdrawn   nobody waits for it any more
 */
import type { FailureReason, MeasurementFailure, MeasurementSuccess } from '@bespoke/shared/latency/measurement.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import { type Workload, workloadKey } from '@bespoke/shared/latency/workload.js';
import type { Blocks } from './blocks.js';
import type { Database } from './database.js';
import type { Devices } from './devices.js';
import type { Latencies } from './latencies.js';
import type { LeaseRecord, Leases } from './leases.js';
import { runtimeOf, runtimeText } from './runtime-text.js';
import type { Workloads } from './workloads.js';

export type JobState = 'queued' | 'leased' | 'provisional' | 'measured' | 'failed' | 'quarantined' | 'withdrawn';

export interface Job {
  readonly id: string;
  /** Whose table it is for. */
  readonly deviceId: string;
  /** Any device of this class may measure it. */
  readonly deviceClass: string;
  readonly runtime: RuntimeKey;
  readonly key: string;
  readonly workload: Workload;
  readonly state: JobState;
  /** Leases granted so far, less those that say nothing of the job. */
  readonly attempts: number;
  /** Blocks that were void under it. */
  readonly repeats: number;
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
  state: JobState;
  attempts: number;
  repeats: number;
  lease_id: string | null;
  reason: FailureReason | null;
  log: string | null;
}

const select = `
  SELECT j.id, j.device_id, j.runtime, j.workload_key, j.state, j.attempts, j.repeats, j.lease_id, j.reason, j.log FROM jobs j`;
/** Queued, leased or provisional. As jobs_open has it, so that SQLite looks there: an index on states would make every change of state dearer. */
const isOpen = 'ended IS NULL';
const toProvisional = "UPDATE jobs SET state = 'provisional', lease_id = NULL, reason = NULL, log = NULL";

function prepare(database: Database) {
  return {
    add: database.prepare<[string, string, string, string, string]>(
      "INSERT INTO jobs (id, device_id, runtime, workload_key, state, created) VALUES (?, ?, ?, ?, 'queued', ?)",
    ),
    get: database.prepare<[string], Row>(`${select} WHERE j.id = ?`),
    open: database.prepare<[string, string, string], Row>(
      `${select} WHERE j.device_id = ? AND j.runtime = ? AND j.workload_key = ? AND j.${isOpen}`,
    ),
    quarantinedFor: database.prepare<[string, string, string], Row>(
      `${select} JOIN devices d ON d.id = j.device_id
       WHERE j.workload_key = ? AND j.state = 'quarantined' AND j.runtime = ? AND d.class = (SELECT class FROM devices WHERE id = ?)`,
    ),
    queued: database.prepare<[], Row>(`${select} WHERE j.${isOpen} AND j.state = 'queued'`),
    quarantined: database.prepare<[], Row>(`${select} WHERE j.state = 'quarantined' ORDER BY j.ended`),
    grant: database.prepare<[string, string]>(
      "UPDATE jobs SET state = 'leased', lease_id = ?, attempts = attempts + 1 WHERE id = ? AND state = 'queued'",
    ),
    giveBack: database.prepare<[number, string | null, string | null, string]>(
      "UPDATE jobs SET state = 'queued', lease_id = NULL, attempts = attempts - ?, reason = ?, log = ? WHERE id = ? AND state = 'leased'",
    ),
    giveBackAll: database.prepare<[]>(
      `UPDATE jobs SET state = 'queued', lease_id = NULL, attempts = attempts - 1 WHERE ${isOpen} AND state = 'leased'`,
    ),
    measured: database.prepare<[string]>(`${toProvisional} WHERE id = ? AND state IN ('queued', 'leased')`),
    // Apart: whatever names `ended` writes jobs_open anew.
    measuredAfterAll: database.prepare<[string]>(
      `${toProvisional}, ended = NULL WHERE id = ? AND state = 'quarantined'`,
    ),
    end: database.prepare<[JobState, string, string, string, string]>(
      `UPDATE jobs SET state = ?, lease_id = NULL, reason = ?, log = ?, ended = ? WHERE id = ? AND state = 'leased'`,
    ),
    withdraw: database.prepare<[string, string, JobState]>(
      "UPDATE jobs SET state = 'withdrawn', ended = ? WHERE id = ? AND state = ?",
    ),
    countOpen: database.prepare<[string], { count: number }>(
      `SELECT COUNT(*) AS count FROM jobs WHERE device_id = ? AND ${isOpen}`,
    ),
  };
}

export class Jobs {
  readonly #sql: ReturnType<typeof prepare>;

  constructor(
    private readonly database: Database,
    private readonly parts: {
      devices: Devices;
      workloads: Workloads;
      latencies: Latencies;
      leases: Leases;
      blocks: Blocks;
    },
    private readonly now: () => Date,
  ) {
    this.#sql = prepare(database);
  }

  /**
   * The open jobs for these workloads, in their order; those that are not open yet are added, all or none. Where the
   * class has one in quarantine, that one stands for it.
   */
  add(deviceId: string, runtime: RuntimeKey, workloads: readonly Workload[], newId: () => string): Job[] {
    const text = runtimeText(runtime);
    return this.#atomic(() =>
      workloads.map((workload) => {
        const key = workloadKey(workload);
        const known = this.#sql.quarantinedFor.get(key, text, deviceId) ?? this.#sql.open.get(deviceId, text, key);
        if (known) return this.#fromRow(known);
        const id = newId();
        this.parts.workloads.add(key, workload);
        this.#sql.add.run(id, deviceId, text, key, this.now().toISOString());
        return this.get(id)!;
      }),
    );
  }

  get(id: string): Job | undefined {
    const row = this.#sql.get.get(id);
    return row && this.#fromRow(row);
  }

  /** All that wait to be granted. */
  queued(): Job[] {
    return this.#sql.queued.all().map((row) => this.#fromRow(row));
  }

  /** Those that took down two agents, in the order in which they were found out. */
  quarantined(): Job[] {
    return this.#sql.quarantined.all().map((row) => this.#fromRow(row));
  }

  /** queued → leased by a device that measures it in one of its blocks. */
  grant(id: string, lease: { id: string; deviceId: string; blockId: number }): Job {
    return this.#atomic(() => {
      this.#sql.grant.run(lease.id, id);
      this.parts.leases.add({ ...lease, jobId: id });
      return this.get(id)!;
    });
  }

  /** leased → queued. With why, where the attempt failed; without, it does not count. */
  giveBack({ id, leaseId }: Job, why: MeasurementFailure | null): void {
    this.#atomic(() => {
      this.parts.leases.end(leaseId!, why);
      this.#sql.giveBack.run(why ? 0 : 1, why?.reason ?? null, why?.log ?? null, id);
    });
  }

  /** Gives back what was leased when the cloud stopped; those attempts do not count. Returns how many. */
  giveBackAll(): number {
    return this.#atomic(() => {
      this.parts.leases.endAll();
      return this.#sql.giveBackAll.run().changes;
    });
  }

  /**
   * queued, leased or quarantined → provisional, and stores the measurement. False, and nothing counted, where the job is
   * measured or over; where the lease's block is over, the measurement is stored as void and the job stays as it is.
   */
  measure(job: Job, lease: LeaseRecord, outcome: MeasurementSuccess): boolean {
    return this.#atomic(() => {
      const blockIsOpen = this.parts.blocks.isOpen(lease.blockId);
      if (this.parts.latencies.has(lease.id)) return false;
      if (blockIsOpen && !this.#toProvisional(job.id)) return false;
      // A lease that was given back as a death was none; and another that may run now is over with the job.
      for (const id of new Set([lease.id, job.leaseId ?? lease.id])) this.parts.leases.end(id, null);
      this.parts.latencies.add(job, lease, blockIsOpen, outcome);
      return blockIsOpen;
    });
  }

  /** leased → failed or quarantined. */
  fail({ id, leaseId }: Job, state: 'failed' | 'quarantined', why: MeasurementFailure): void {
    this.#atomic(() => {
      this.parts.leases.end(leaseId!, why);
      this.#sql.end.run(state, why.reason, why.log, this.now().toISOString(), id);
    });
  }

  /** queued → withdrawn. False where it is not queued: a leased job is left to its end. */
  withdraw(id: string): boolean {
    return this.#sql.withdraw.run(this.now().toISOString(), id, 'queued').changes === 1;
  }

  /** quarantined → withdrawn: whoever asks for it next has it measured again. False where it is not quarantined. */
  release(id: string): boolean {
    return this.#sql.withdraw.run(this.now().toISOString(), id, 'quarantined').changes === 1;
  }

  /** Jobs for the device that have not ended. */
  countOpen(deviceId: string): number {
    return this.#sql.countOpen.get(deviceId)!.count;
  }

  #toProvisional(id: string): boolean {
    return this.#sql.measured.run(id).changes === 1 || this.#sql.measuredAfterAll.run(id).changes === 1;
  }

  #fromRow(row: Row): Job {
    return {
      id: row.id,
      deviceId: row.device_id,
      deviceClass: this.parts.devices.classOf(row.device_id)!,
      runtime: runtimeOf(row.runtime),
      key: row.workload_key,
      workload: this.parts.workloads.get(row.workload_key)!,
      state: row.state,
      attempts: row.attempts,
      repeats: row.repeats,
      leaseId: row.lease_id,
      reason: row.reason,
      log: row.log,
    };
  }

  #atomic<T>(work: () => T): T {
    return this.database.inTransaction ? work() : this.database.transaction(work).immediate();
  }
}
