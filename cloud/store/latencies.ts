/**
 * Measurements: every one a row with all its samples. Of those of a workload with the best verdict, the quietest, which took
 * the least time, is its entry in the LatencyTable: what disturbs a device adds time and never takes it away.
 */
import { doubtsOf } from '@bespoke/shared/latency/doubt.js';
import {
  type HostState,
  type MeasurementFacts,
  type MeasurementSuccess,
  type PassRecord,
  retold,
  summarizeMeasurement,
  unknownHost,
} from '@bespoke/shared/latency/measurement.js';
import { isOutdated, outdatedRatio, quietForMs, type Reading } from '@bespoke/shared/latency/reading.js';
import type { LatencySummary } from '@bespoke/shared/latency/statistics.js';
import type { LatencyEntry, LatencyTable, RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import type { LatencyView } from '@bespoke/shared/protocol/api.js';
import type { Database } from './database.js';
import { doubtOf, type Verdict, verdicts } from './doubt.js';
import { runtimeOf, runtimeText } from './runtime-text.js';

/** The record of one measurement, told by the quietest of the device that is known. */
export interface Measurement {
  /** Of the passes that count, and of the others. */
  readonly samplesMs: readonly number[];
  readonly uncountedMs: readonly number[];
  readonly passes: readonly PassRecord[];
  readonly overheadMs: number;
  readonly batchSize: number;
  readonly host: HostState;
  readonly verdict: Verdict;
  /** Why it is doubtful or void. */
  readonly doubt: string | null;
  /** The device that measured: the one whose table this is, or a twin. */
  readonly measuredBy: string;
  readonly measuredAt: string;
}

interface Row {
  device_id: string;
  runtime: string;
  workload_key: string;
  workload: string;
  median_ms: number;
  slowness: number;
  low_ms: number;
  high_ms: number;
  count: number;
  measured: string;
  verdict: Verdict;
  doubt: string | null;
  next_ms: number | null;
  next_slowness: number | null;
  likes: number;
}

interface RawRow {
  samples_ms: Buffer;
  uncounted_ms: Buffer;
  passes: string;
  overhead_ms: number;
  batch_size: number;
  host: string;
  verdict: Verdict;
  doubt: string | null;
  measured_by: string;
  measured: string;
}

const rawColumns =
  'samples_ms, uncounted_ms, passes, overhead_ms, batch_size, host, verdict, doubt, measured_by, measured';

/** As `tookMs` has it (shared/latency/reading.ts). */
const tookMs = 'median_ms * slowness';

interface Outdating {
  readonly runtime: string;
  readonly measuredBy: string;
  readonly since: string;
  readonly quietestMs: number;
}

/** The rows that stand in tables, of those that `where` admits: the best verdict first, then the quietest, of equals the latest. */
function entries(where: string): string {
  const rank = verdicts.map((verdict, place) => `WHEN '${verdict}' THEN ${place}`).join(' ');
  return `
    SELECT m.device_id, m.runtime, m.workload_key, w.workload, m.median_ms, m.slowness, m.low_ms, m.high_ms, m.count, m.measured, m.verdict, m.doubt, m.next_ms, m.next_slowness, m.likes
    FROM (
      SELECT *,
        ROW_NUMBER() OVER (PARTITION BY runtime, workload_key ORDER BY CASE verdict ${rank} END, ${tookMs}, id DESC) AS place,
        LEAD(median_ms) OVER alike AS next_ms,
        LEAD(slowness) OVER alike AS next_slowness,
        COUNT(*) OVER (PARTITION BY runtime, workload_key, verdict) AS likes
      FROM (
        SELECT id, device_id, runtime, workload_key, median_ms, slowness, low_ms, high_ms, count, measured, verdict, doubt
        FROM measurements WHERE ${where}
      )
      WINDOW alike AS (PARTITION BY runtime, workload_key, verdict ORDER BY ${tookMs}, id DESC)
    ) m JOIN workloads w ON w.key = m.workload_key
    WHERE m.place = 1 ORDER BY m.id`;
}

export class Latencies {
  /** By runtime and who measures: the most that its measurements go by, of its quietest. */
  readonly #mostMs = new Map<string, number>();
  readonly #insert;
  readonly #outdated;
  readonly #update;
  readonly #has;
  readonly #readings;
  readonly #list;
  readonly #table;
  readonly #one;
  readonly #count;
  readonly #raw;

  constructor(
    database: Database,
    private readonly now: () => Date,
  ) {
    this.#insert = database.prepare(
      `INSERT INTO measurements (job_id, lease_id, block_id, measured_by, verdict, doubt, device_id, runtime, workload_key, median_ms, low_ms, high_ms, count, samples_ms, uncounted_ms, passes, overhead_ms, batch_size, host, measured)
       VALUES (@jobId, @leaseId, @blockId, @measuredBy, @verdict, @doubt, @deviceId, @runtime, @key, @medianMs, @lowMs, @highMs, @count, @samples, @uncounted, @passes, @overheadMs, @batchSize, @host, @measured)`,
    );
    this.#outdated = database.prepare<[Outdating], RawRow & { id: number }>(
      `SELECT id, ${rawColumns} FROM measurements
       WHERE block_id IN (SELECT id FROM blocks WHERE device_id = @measuredBy AND runtime = @runtime AND (ended IS NULL OR ended >= @since))
         AND measured >= @since AND host ->> 'quietestMs' > @quietestMs * ${outdatedRatio}`,
    );
    this.#update = database.prepare(
      `UPDATE measurements SET verdict = @verdict, doubt = @doubt, median_ms = @medianMs, low_ms = @lowMs, high_ms = @highMs,
         samples_ms = @samples, uncounted_ms = @uncounted, passes = @passes, overhead_ms = @overheadMs, host = @host
       WHERE id = @id`,
    );
    this.#has = database.prepare<[string], { id: number }>('SELECT id FROM measurements WHERE lease_id = ?');
    this.#list = database.prepare<[string], Row>(entries('device_id = ?'));
    this.#table = database.prepare<[string, string], Row>(entries('device_id = ? AND runtime = ?'));
    this.#one = database.prepare<[string, string, string], Row>(
      entries('device_id = ? AND runtime = ? AND workload_key = ?'),
    );
    this.#readings = database.prepare<[string, string], { workload_key: string; median_ms: number; slowness: number }>(
      `SELECT workload_key, median_ms, slowness FROM measurements
       WHERE device_id = ? AND runtime = ? AND verdict IN ('good', 'doubtful') ORDER BY ${tookMs}`,
    );
    this.#count = database.prepare<[string], { count: number }>(
      'SELECT COUNT(*) AS count FROM (SELECT DISTINCT runtime, workload_key FROM measurements WHERE device_id = ?)',
    );
    this.#raw = database.prepare<[string, string, string], RawRow>(
      `SELECT ${rawColumns} FROM measurements
       WHERE device_id = ? AND runtime = ? AND workload_key = ? ORDER BY id`,
    );
  }

  /** Whether a lease has its measurement. */
  has(leaseId: string): boolean {
    return this.#has.get(leaseId) !== undefined;
  }

  /** Adds what a lease measured; `Jobs.measure` calls this within its transaction. What it knows better of the device is told again of earlier ones. Throws where the lease has one already. */
  add(
    job: { deviceId: string; runtime: RuntimeKey; key: string },
    lease: { id: string; jobId: string; deviceId: string; blockId: number },
    blockIsOpen: boolean,
    outcome: MeasurementSuccess,
  ): void {
    const summary = summarizeMeasurement(outcome);
    this.#insert.run({
      jobId: lease.jobId,
      leaseId: lease.id,
      blockId: lease.blockId,
      measuredBy: lease.deviceId,
      verdict: blockIsOpen ? 'provisional' : 'void',
      doubt: blockIsOpen ? ownDoubt(outcome, summary) : 'it came after its block had ended',
      deviceId: job.deviceId,
      runtime: runtimeText(job.runtime),
      key: job.key,
      count: summary.count,
      ...columnsOf(outcome, summary),
      batchSize: outcome.batchSize,
      measured: this.now().toISOString(),
    });
    this.retell(lease.deviceId, job.runtime, outcome.host.quietestMs);
  }

  /** What a device took for the block that tells its pace, at its quietest. Where that is less than was known, what it measured lately is told again. */
  retell(measuredBy: string, runtimeKey: RuntimeKey, quietestMs: number | null): void {
    if (quietestMs === null) return;
    const runtime = runtimeText(runtimeKey);
    const key = `${measuredBy} ${runtime}`;
    let mostMs = this.#mostMs.get(key) ?? Number.POSITIVE_INFINITY; // after a start: whatever there is
    if (isOutdated(mostMs, quietestMs)) {
      const since = new Date(this.now().getTime() - quietForMs).toISOString();
      for (const row of this.#outdated.all({ runtime, measuredBy, since, quietestMs }))
        this.#tellAgain(row.id, measurementOf(row), quietestMs);
      mostMs = quietestMs * outdatedRatio;
    }
    this.#mostMs.set(key, Math.max(mostMs, quietestMs));
  }

  #tellAgain(id: number, before: Measurement, quietestMs: number): void {
    const now = retold(before, quietestMs);
    const summary = summarizeMeasurement(now);
    // What was said of its block stays.
    const isOwn = before.doubt === ownDoubt(before);
    const doubt = (isOwn ? ownDoubt(now, summary) : null) ?? before.doubt;
    const verdict = before.verdict === 'good' && doubt !== null ? 'doubtful' : before.verdict;
    this.#update.run({ id, verdict, doubt, ...columnsOf(now, summary) });
  }

  /** What the device measured under one runtime, by workload key. */
  table(deviceId: string, runtime: RuntimeKey): LatencyTable {
    const rows = this.#table.all(deviceId, runtimeText(runtime));
    return new Map(rows.map((row) => [row.workload_key, entryOf(row)]));
  }

  /** All measurements that count, the quietest first, by workload key. */
  readings(deviceId: string, runtime: RuntimeKey): ReadonlyMap<string, readonly Reading[]> {
    const readings = new Map<string, Reading[]>();
    for (const { workload_key: key, median_ms: medianMs, slowness } of this.#readings.all(
      deviceId,
      runtimeText(runtime),
    )) {
      const known = readings.get(key);
      if (known) known.push({ medianMs, slowness });
      else readings.set(key, [{ medianMs, slowness }]);
    }
    return readings;
  }

  /** The device's table under all its runtimes, oldest first. */
  list(deviceId: string): LatencyView[] {
    return this.#list.all(deviceId).map(fromRow);
  }

  get(deviceId: string, runtime: RuntimeKey, key: string): LatencyView | undefined {
    const row = this.#one.get(deviceId, runtimeText(runtime), key);
    return row && fromRow(row);
  }

  /** How many entries the device's tables have. */
  count(deviceId: string): number {
    return this.#count.get(deviceId)!.count;
  }

  /** All measurements of one workload with their samples, oldest first. */
  measurements(deviceId: string, runtime: RuntimeKey, key: string): Measurement[] {
    return this.#raw.all(deviceId, runtimeText(runtime), key).map(measurementOf);
  }
}

/** What a measurement itself gives cause to doubt. */
function ownDoubt(measurement: MeasurementFacts, summary = summarizeMeasurement(measurement)): string | null {
  return doubtsOf(measurement, summary).join('; ') || null;
}

/** What a measurement says, as it is stored. */
function columnsOf(
  { samplesMs, uncountedMs, passes, overheadMs, host }: MeasurementFacts,
  { medianMs, lowMs, highMs }: LatencySummary,
) {
  return {
    medianMs,
    lowMs,
    highMs,
    samples: encodeSamples(samplesMs),
    uncounted: encodeSamples(uncountedMs),
    passes: JSON.stringify(passes),
    overheadMs,
    host: JSON.stringify(host),
  };
}

function measurementOf(row: RawRow): Measurement {
  return {
    samplesMs: decodeSamples(row.samples_ms),
    uncountedMs: decodeSamples(row.uncounted_ms),
    passes: JSON.parse(row.passes) as PassRecord[],
    overheadMs: row.overhead_ms,
    batchSize: row.batch_size,
    host: { ...unknownHost, ...(JSON.parse(row.host) as Partial<HostState>) },
    verdict: row.verdict,
    doubt: row.doubt,
    measuredBy: row.measured_by,
    measuredAt: row.measured,
  };
}

function fromRow(row: Row): LatencyView {
  return {
    deviceId: row.device_id,
    runtime: runtimeOf(row.runtime),
    key: row.workload_key,
    workload: JSON.parse(row.workload) as Workload,
    ...entryOf(row),
    measuredAt: row.measured,
  };
}

function entryOf(row: Row): LatencyEntry {
  const { median_ms: medianMs, low_ms: lowMs, high_ms: highMs, count, verdict, doubt, slowness, likes } = row;
  const next = row.next_ms === null ? null : { medianMs: row.next_ms, slowness: row.next_slowness! };
  return { medianMs, lowMs, highMs, count, doubt: doubtOf({ verdict, doubt, medianMs, slowness, next, likes }) };
}

function encodeSamples(samplesMs: readonly number[]): Buffer {
  const bytes = Buffer.alloc(samplesMs.length * 8);
  for (const [index, sample] of samplesMs.entries()) bytes.writeDoubleLE(sample, index * 8);
  return bytes;
}

function decodeSamples(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 8 }, (_, index) => bytes.readDoubleLE(index * 8));
}
