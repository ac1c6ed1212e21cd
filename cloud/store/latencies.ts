/**
 * Measurements: every one a row with all its samples. The quietest of a workload, by its median, is its entry in the
 * LatencyTable: what disturbs a device adds time and never takes it away.
 */
import { canonicalJson } from '@bespoke/shared/base/json.js';
import type { HostState, MeasurementSuccess } from '@bespoke/shared/latency/measurement.js';
import { summarize } from '@bespoke/shared/latency/statistics.js';
import type { LatencyTable, RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import type { LatencyView, SentinelPoint } from '@bespoke/shared/protocol/api.js';
import type { Database } from './database.js';

/** The raw record of one measurement. */
export interface Measurement {
  readonly samplesMs: readonly number[];
  readonly overheadMs: number;
  readonly batchSize: number;
  readonly host: HostState;
  readonly measuredAt: string;
}

interface Row {
  device_id: string;
  runtime: string;
  workload_key: string;
  workload: string;
  median_ms: number;
  low_ms: number;
  high_ms: number;
  count: number;
  measured: string;
}

interface RawRow {
  samples_ms: Buffer;
  overhead_ms: number;
  batch_size: number;
  host: string;
  measured: string;
}

type SeriesRow = Pick<Row, 'runtime' | 'median_ms' | 'low_ms' | 'high_ms' | 'measured'>;

const select = `
  SELECT m.device_id, m.runtime, m.workload_key, w.workload, m.median_ms, m.low_ms, m.high_ms, m.count, m.measured
  FROM measurements m JOIN workloads w ON w.key = m.workload_key`;

/** The rows that stand in tables; of equals the latest. */
const quietest = `
  SELECT id FROM (
    SELECT id, ROW_NUMBER() OVER (PARTITION BY device_id, runtime, workload_key ORDER BY median_ms, id DESC) AS place FROM measurements
    WHERE device_id = ?
  ) WHERE place = 1`;

export class Latencies {
  readonly #insert;
  readonly #medians;
  readonly #list;
  readonly #table;
  readonly #one;
  readonly #count;
  readonly #raw;
  readonly #series;

  constructor(
    database: Database,
    private readonly now: () => Date,
  ) {
    this.#insert = database.prepare(
      `INSERT INTO measurements (job_id, device_id, runtime, workload_key, median_ms, low_ms, high_ms, count, samples_ms, overhead_ms, batch_size, host, measured)
       VALUES (@jobId, @deviceId, @runtime, @key, @medianMs, @lowMs, @highMs, @count, @samples, @overheadMs, @batchSize, @host, @measured)`,
    );
    this.#list = database.prepare<[string], Row>(`${select} WHERE m.id IN (${quietest}) ORDER BY m.id`);
    this.#table = database.prepare<[string, string], Row>(
      `${select} WHERE m.id IN (${quietest}) AND m.runtime = ? ORDER BY m.id`,
    );
    this.#one = database.prepare<[string, string, string], Row>(
      `${select} WHERE m.device_id = ? AND m.runtime = ? AND m.workload_key = ? ORDER BY m.median_ms, m.id DESC LIMIT 1`,
    );
    this.#medians = database.prepare<[string, string], { workload_key: string; median_ms: number }>(
      'SELECT workload_key, median_ms FROM measurements WHERE device_id = ? AND runtime = ? ORDER BY median_ms',
    );
    this.#count = database.prepare<[string], { count: number }>(
      'SELECT COUNT(*) AS count FROM (SELECT DISTINCT runtime, workload_key FROM measurements WHERE device_id = ?)',
    );
    this.#raw = database.prepare<[string, string, string], RawRow>(
      `SELECT samples_ms, overhead_ms, batch_size, host, measured FROM measurements
       WHERE device_id = ? AND runtime = ? AND workload_key = ? ORDER BY id`,
    );
    this.#series = database.prepare<[string, string], SeriesRow>(
      `SELECT runtime, median_ms, low_ms, high_ms, measured FROM measurements
       WHERE device_id = ? AND workload_key = ? ORDER BY id`,
    );
  }

  /** Adds what a job measured; `Jobs.end` calls this within its transaction. Throws where the job has one already. */
  add(job: { id: string; deviceId: string; runtime: RuntimeKey; key: string }, outcome: MeasurementSuccess): void {
    const { count, medianMs, lowMs, highMs } = summarize(outcome.samplesMs);
    this.#insert.run({
      jobId: job.id,
      deviceId: job.deviceId,
      runtime: canonicalJson(job.runtime),
      key: job.key,
      medianMs,
      lowMs,
      highMs,
      count,
      samples: encodeSamples(outcome.samplesMs),
      overheadMs: outcome.overheadMs,
      batchSize: outcome.batchSize,
      host: JSON.stringify(outcome.host),
      measured: this.now().toISOString(),
    });
  }

  /** What the device measured under one runtime, by workload key. */
  table(deviceId: string, runtime: RuntimeKey): LatencyTable {
    const rows = this.#table.all(deviceId, canonicalJson(runtime));
    return new Map(
      rows.map((row) => [
        row.workload_key,
        { medianMs: row.median_ms, lowMs: row.low_ms, highMs: row.high_ms, count: row.count },
      ]),
    );
  }

  /** The medians of all measurements, ascending, by workload key. */
  medians(deviceId: string, runtime: RuntimeKey): ReadonlyMap<string, readonly number[]> {
    const medians = new Map<string, number[]>();
    for (const { workload_key: key, median_ms: ms } of this.#medians.all(deviceId, canonicalJson(runtime))) {
      const known = medians.get(key);
      if (known) known.push(ms);
      else medians.set(key, [ms]);
    }
    return medians;
  }

  /** The device's table under all its runtimes, oldest first. */
  list(deviceId: string): LatencyView[] {
    return this.#list.all(deviceId).map(fromRow);
  }

  get(deviceId: string, runtime: RuntimeKey, key: string): LatencyView | undefined {
    const row = this.#one.get(deviceId, canonicalJson(runtime), key);
    return row && fromRow(row);
  }

  /** How many entries the device's tables have. */
  count(deviceId: string): number {
    return this.#count.get(deviceId)!.count;
  }

  /** All measurements of one workload with their samples, oldest first. */
  measurements(deviceId: string, runtime: RuntimeKey, key: string): Measurement[] {
    return this.#raw.all(deviceId, canonicalJson(runtime), key).map((row) => ({
      samplesMs: decodeSamples(row.samples_ms),
      overheadMs: row.overhead_ms,
      batchSize: row.batch_size,
      host: JSON.parse(row.host) as HostState,
      measuredAt: row.measured,
    }));
  }

  /** All measurements of one workload under all runtimes without their samples, oldest first. */
  series(deviceId: string, key: string): SentinelPoint[] {
    return this.#series.all(deviceId, key).map((row) => ({
      runtime: JSON.parse(row.runtime) as RuntimeKey,
      medianMs: row.median_ms,
      lowMs: row.low_ms,
      highMs: row.high_ms,
      doubt: null,
      measuredAt: row.measured,
    }));
  }
}

function fromRow(row: Row): LatencyView {
  return {
    deviceId: row.device_id,
    runtime: JSON.parse(row.runtime) as RuntimeKey,
    key: row.workload_key,
    workload: JSON.parse(row.workload) as Workload,
    medianMs: row.median_ms,
    lowMs: row.low_ms,
    highMs: row.high_ms,
    count: row.count,
    measuredAt: row.measured,
  };
}

function encodeSamples(samplesMs: readonly number[]): Buffer {
  const bytes = Buffer.alloc(samplesMs.length * 8);
  for (const [index, sample] of samplesMs.entries()) bytes.writeDoubleLE(sample, index * 8);
  return bytes;
}

function decodeSamples(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 8 }, (_, index) => bytes.readDoubleLE(index * 8));
}
