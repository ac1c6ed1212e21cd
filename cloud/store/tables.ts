/** Tables as files have them: a device's rows with their summaries, to be written; and rows of a file, to be kept as imported. */
import { summarizeMeasurement } from '@bespoke/shared/latency/measurement.js';
import type { TableRow } from '@bespoke/shared/latency/table-row.js';
import type { Database } from './database.js';
import type { Device, Devices } from './devices.js';
import type { ImportedLatencies } from './imported-latencies.js';
import type { Latencies } from './latencies.js';
import { runtimeText } from './runtime-text.js';

export class Tables {
  constructor(
    private readonly database: Database,
    private readonly devices: Devices,
    private readonly latencies: Latencies,
    private readonly imported: ImportedLatencies,
  ) {}

  /** The device's table under all its runtimes: of each workload its quietest measurement, then what was imported and never measured. */
  rows(deviceId: string): TableRow[] {
    const measured = this.latencies.list(deviceId).map(({ runtime, key, workload, medianMs, doubt }): TableRow => {
      const all = this.latencies.measurements(deviceId, runtime, key);
      const summaries = all.map((one) => ({ one, summary: summarizeMeasurement(one) }));
      const { one, summary } = summaries.findLast((each) => each.summary.medianMs === medianMs)!;
      const { overheadMs, batchSize, host, measuredAt } = one;
      return { key, runtime, workload, ...summary, overheadMs, batchSize, host, measuredAt, doubt };
    });
    return [...measured, ...this.imported.rows(deviceId)];
  }

  /** Keeps the rows under the device, which is added where it is unknown: all or none. Rows of the same workload and runtime are replaced. */
  import(device: Omit<Device, 'runtimes'>, rows: readonly TableRow[]): void {
    this.database
      .transaction(() => {
        if (!this.devices.get(device.id)) this.devices.save({ ...device, runtimes: runtimesOf(rows) });
        for (const row of rows) this.imported.set(device.id, row);
      })
      .immediate();
  }
}

function runtimesOf(rows: readonly TableRow[]): Device['runtimes'] {
  return [...new Map(rows.map(({ runtime }) => [runtimeText(runtime), runtime])).values()];
}
