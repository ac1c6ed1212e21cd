/** Latencies that came from a file: summaries without samples, marked as such wherever they are shown. */
import type { TableRow } from '@bespoke/shared/latency/table-row.js';
import type { LatencyView } from '@bespoke/shared/protocol/api.js';
import type { Database } from './database.js';
import { runtimeOf, runtimeText } from './runtime-text.js';
import type { Workloads } from './workloads.js';

interface Row {
  runtime: string;
  workload_key: string;
  summary: string;
}

/** What a measurement of the device itself does not stand in for yet. */
const select = `
  SELECT i.runtime, i.workload_key, i.summary FROM imported_latencies i
  WHERE i.device_id = ? AND NOT EXISTS (
    SELECT 1 FROM measurements m WHERE m.device_id = i.device_id AND m.runtime = i.runtime AND m.workload_key = i.workload_key
  )
  ORDER BY i.runtime, i.workload_key`;

export class ImportedLatencies {
  readonly #set;
  readonly #rows;

  constructor(
    database: Database,
    private readonly workloads: Workloads,
    private readonly now: () => Date,
  ) {
    this.#set = database.prepare<[string, string, string, string, string]>(
      `INSERT INTO imported_latencies (device_id, runtime, workload_key, summary, imported) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET summary = excluded.summary, imported = excluded.imported`,
    );
    this.#rows = database.prepare<[string], Row>(select);
  }

  set(deviceId: string, { runtime, key, workload, ...summary }: TableRow): void {
    this.workloads.add(key, workload);
    this.#set.run(deviceId, runtimeText(runtime), key, JSON.stringify(summary), this.now().toISOString());
  }

  /** As the device's other latencies are shown. */
  list(deviceId: string): LatencyView[] {
    return this.rows(deviceId).map(({ key, runtime, workload, medianMs, lowMs, highMs, count, measuredAt }) => {
      return { deviceId, key, runtime, workload, medianMs, lowMs, highMs, count, measuredAt, doubt: 'imported' };
    });
  }

  /** What was imported for the device and is not measured there, in the order of runtimes and keys. */
  rows(deviceId: string): TableRow[] {
    return this.#rows.all(deviceId).map((row) => ({
      ...(JSON.parse(row.summary) as Omit<TableRow, 'runtime' | 'key' | 'workload'>),
      runtime: runtimeOf(row.runtime),
      key: row.workload_key,
      workload: this.workloads.get(row.workload_key)!,
    }));
  }
}
