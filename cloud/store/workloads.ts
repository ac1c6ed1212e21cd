/** Workloads by key: what jobs and measurements are of. */
import { canonicalJson } from '@bespoke/shared/base/json.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import type { Database } from './database.js';

/** Of those read, so many are remembered: thousands of jobs a second are of the same few hundred. */
const keptCount = 10_000;

export class Workloads {
  readonly #add;
  readonly #get;
  readonly #kept = new Map<string, Workload>();

  constructor(database: Database) {
    this.#add = database.prepare<[string, string]>(
      'INSERT INTO workloads (key, workload) VALUES (?, ?) ON CONFLICT DO NOTHING',
    );
    this.#get = database.prepare<[string], { workload: string }>('SELECT workload FROM workloads WHERE key = ?');
  }

  /** `key` is its `workloadKey`; one that is known stays as it is. */
  add(key: string, workload: Workload): void {
    this.#add.run(key, canonicalJson(workload));
  }

  get(key: string): Workload | undefined {
    const known = this.#kept.get(key);
    if (known) return known;
    const row = this.#get.get(key);
    if (!row) return undefined;
    const workload = JSON.parse(row.workload) as Workload;
    if (this.#kept.size >= keptCount) this.#kept.clear();
    this.#kept.set(key, workload);
    return workload;
  }
}
