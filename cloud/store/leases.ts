/** Leases: every attempt at a job, a row: who tries it in which block, since when, and how it failed if it failed. */
import type { FailureReason, MeasurementFailure } from '@bespoke/shared/latency/measurement.js';
import type { Database } from './database.js';

export interface LeaseRecord {
  readonly id: string;
  readonly jobId: string;
  /** Which measures; the table that it measures for may be a twin's. */
  readonly deviceId: string;
  readonly blockId: number;
  /** Unix time. */
  readonly grantedMs: number;
  /** Null while it runs. */
  readonly endedMs: number | null;
}

/** An attempt that took down what measured. */
export interface Death {
  readonly deviceId: string;
  readonly deviceName: string;
  readonly log: string;
}

export class Leases {
  readonly #insert;
  readonly #get;
  readonly #end;
  readonly #endAll;
  readonly #deaths;
  readonly #recent;

  constructor(
    database: Database,
    private readonly now: () => Date,
  ) {
    this.#insert = database.prepare<[string, string, string, number, number]>(
      'INSERT INTO leases (id, job_id, device_id, block_id, granted_ms) VALUES (?, ?, ?, ?, ?)',
    );
    this.#get = database.prepare<[string], LeaseRecord>(
      `SELECT id, job_id AS jobId, device_id AS deviceId, block_id AS blockId, granted_ms AS grantedMs, ended_ms AS endedMs
       FROM leases WHERE id = ?`,
    );
    this.#end = database.prepare<[number, FailureReason | null, string | null, string]>(
      'UPDATE leases SET ended_ms = ?, reason = ?, log = ? WHERE id = ?',
    );
    this.#endAll = database.prepare<[number]>(
      "UPDATE leases SET ended_ms = ? WHERE id IN (SELECT lease_id FROM jobs WHERE ended IS NULL AND state = 'leased')",
    );
    this.#deaths = database.prepare<[string], Death>(
      `SELECT l.device_id AS deviceId, d.name AS deviceName, l.log FROM leases l JOIN devices d ON d.id = l.device_id
       WHERE l.job_id = ? AND l.reason = 'crashed' ORDER BY l.granted_ms, l.block_id`,
    );
    this.#recent = database.prepare<[string, string, number], { ms: number }>(
      `SELECT l.ended_ms - l.granted_ms AS ms FROM measurements m JOIN leases l ON l.id = m.lease_id
       WHERE m.measured_by IN (SELECT id FROM devices WHERE class = ?) AND m.runtime = ? ORDER BY m.id DESC LIMIT ?`,
    );
  }

  add(lease: { id: string; jobId: string; deviceId: string; blockId: number }): void {
    this.#insert.run(lease.id, lease.jobId, lease.deviceId, lease.blockId, this.now().getTime());
  }

  get(id: string): LeaseRecord | undefined {
    return this.#get.get(id);
  }

  /** Ends it, with why if it failed. */
  end(id: string, why: MeasurementFailure | null): void {
    this.#end.run(this.now().getTime(), why?.reason ?? null, why?.log ?? null, id);
  }

  /** Ends those of all leased jobs. */
  endAll(): void {
    this.#endAll.run(this.now().getTime());
  }

  /** The attempts at a job under which an agent or its measuring process died, oldest first. */
  deaths(jobId: string): Death[] {
    return this.#deaths.all(jobId);
  }

  /** How long the last measurements of a class of devices took, from lease to result, the latest first. */
  recentMs(deviceClass: string, runtime: string, most: number): number[] {
    return this.#recent.all(deviceClass, runtime, most).map(({ ms }) => ms);
  }
}
