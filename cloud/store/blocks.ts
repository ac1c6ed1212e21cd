/** Blocks: jobs that one device measured between two sentinels. What a block's end means for its jobs is one transaction. */
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { SentinelPoint } from '@bespoke/shared/protocol/api.js';
import type { Database } from './database.js';
import { runtimeOf, runtimeText } from './runtime-text.js';
import { sentinelKey } from './sentinel.js';

export type BlockState = 'opening' | 'open' | 'closing' | 'good' | 'void';

export interface Block {
  readonly id: number;
  /** Which measures. */
  readonly deviceId: string;
  readonly runtime: RuntimeKey;
  readonly state: BlockState;
  /** At the sentinel that opens or closes it. */
  readonly sentinelAttempts: number;
  /** Null before the opening sentinel, and where that could not be measured. */
  readonly openingMs: number | null;
}

/** What may change while a block is open. */
export type BlockChange = Pick<Block, 'state' | 'sentinelAttempts' | 'openingMs'>;

interface Row {
  id: number;
  device_id: string;
  runtime: string;
  state: BlockState;
  sentinel_attempts: number;
  opening_ms: number | null;
}

interface ReadingRow {
  runtime: string;
  opening_ms: number;
  closing_ms: number | null;
  doubt: string | null;
  opened: string;
  ended: string | null;
}

const columns = 'id, device_id, runtime, state, sentinel_attempts, opening_ms';
const isOpen = "state IN ('opening', 'open', 'closing')";
/** The jobs that wait for the end of a block. */
const waiting = "SELECT job_id FROM measurements WHERE block_id = @id AND verdict = 'provisional'";

function prepare(database: Database) {
  return {
    add: database.prepare<[string, string, string, BlockState, number | null, string], Row>(
      `INSERT INTO blocks (device_id, runtime, sentinel, state, opening_ms, opened) VALUES (?, ?, ?, ?, ?, ?) RETURNING ${columns}`,
    ),
    update: database.prepare<[BlockState, number, number | null, number]>(
      'UPDATE blocks SET state = ?, sentinel_attempts = ?, opening_ms = ? WHERE id = ?',
    ),
    remove: database.prepare<[string, number]>(
      "UPDATE blocks SET state = 'void', doubt = 'nothing was measured in it', ended = ? WHERE id = ?",
    ),
    open: database.prepare<[], Row>(`SELECT ${columns} FROM blocks WHERE ${isOpen}`),
    isOpen: database.prepare<[number], { found: 1 }>(`SELECT 1 AS found FROM blocks WHERE id = ? AND ${isOpen}`),
    waiting: database.prepare<[{ id: number }], { job_id: string }>(waiting),
    readings: database.prepare<[string, string], ReadingRow>(
      `SELECT runtime, opening_ms, closing_ms, doubt, opened, ended FROM blocks
       WHERE device_id = ? AND sentinel = ? AND opening_ms IS NOT NULL ORDER BY id`,
    ),
    levels: database.prepare<[string, string, string, number], { ms: number }>(
      `SELECT MIN(opening_ms, COALESCE(closing_ms, opening_ms)) AS ms FROM blocks
       WHERE device_id = ? AND runtime = ? AND sentinel = ? AND opening_ms IS NOT NULL ORDER BY id DESC LIMIT ?`,
    ),
    verdicts: database.prepare<[string, string, string, number], { state: BlockState }>(
      `SELECT state FROM blocks WHERE device_id = ? AND runtime = ? AND sentinel = ? AND opening_ms IS NOT NULL AND closing_ms IS NOT NULL ORDER BY id DESC LIMIT ?`,
    ),
    end: database.prepare<
      [{ id: number; state: BlockState; closingMs: number | null; doubt: string | null; now: string }]
    >('UPDATE blocks SET state = @state, closing_ms = @closingMs, doubt = @doubt, ended = @now WHERE id = @id'),
    // The last repeat counts, with its doubt; the others go round again, and the attempt says nothing of the job.
    repeat: database.prepare<[{ id: number; most: number }]>(
      `UPDATE jobs SET state = 'queued', repeats = repeats + 1, attempts = MAX(attempts - 1, 0)
       WHERE id IN (${waiting}) AND state = 'provisional' AND repeats < @most`,
    ),
    settle: database.prepare<[{ id: number; now: string }]>(
      `UPDATE jobs SET state = 'measured', ended = @now WHERE id IN (${waiting}) AND state = 'provisional'`,
    ),
    // Without a doubt about the block, what the measurement itself gives cause to doubt remains.
    judge: database.prepare<[{ id: number; doubt: string | null }]>(
      `UPDATE measurements SET doubt = COALESCE(@doubt, doubt), verdict = CASE
         WHEN @doubt IS NULL AND doubt IS NULL THEN 'good'
         WHEN @doubt IS NULL THEN 'doubtful'
         WHEN (SELECT state FROM jobs WHERE jobs.id = job_id) = 'measured' THEN 'doubtful'
         ELSE 'void' END
       WHERE block_id = @id AND verdict = 'provisional'`,
    ),
  };
}

export class Blocks {
  readonly #sql: ReturnType<typeof prepare>;

  constructor(
    private readonly database: Database,
    private readonly now: () => Date,
  ) {
    this.#sql = prepare(database);
  }

  /** Begins a block: before its sentinel, or after it where its level is known already. */
  add(deviceId: string, runtime: RuntimeKey, openingMs: number | null): Block {
    const state = openingMs === null ? 'opening' : 'open';
    return fromRow(
      this.#sql.add.get(deviceId, runtimeText(runtime), sentinelKey, state, openingMs, this.now().toISOString())!,
    );
  }

  change(block: Block, change: Partial<BlockChange>): Block {
    const changed = { ...block, ...change };
    this.#sql.update.run(changed.state, changed.sentinelAttempts, changed.openingMs, block.id);
    return changed;
  }

  /** Ends a block in which nothing was measured: there is nothing to judge. */
  drop(id: number): void {
    this.#sql.remove.run(this.now().toISOString(), id);
  }

  /** Those that have not ended. */
  open(): Block[] {
    return this.#sql.open.all().map(fromRow);
  }

  isOpen(id: number): boolean {
    return this.#sql.isOpen.get(id) !== undefined;
  }

  /** Whether something was measured in it. */
  hasMeasured(id: number): boolean {
    return this.#sql.waiting.get({ id }) !== undefined;
  }

  /** What the sentinel took in the last blocks, the latest first. */
  levelsMs(deviceId: string, runtime: RuntimeKey, most: number): number[] {
    return this.#sql.levels.all(deviceId, runtimeText(runtime), sentinelKey, most).map(({ ms }) => ms);
  }

  /** Whether each of the last blocks that the sentinel opened and closed was void, the latest first. */
  wereVoid(deviceId: string, runtime: RuntimeKey, most: number): boolean[] {
    return this.#sql.verdicts
      .all(deviceId, runtimeText(runtime), sentinelKey, most)
      .map(({ state }) => state === 'void');
  }

  /** What the sentinel took before and after each block, oldest first; a void block says why at the reading that closed it. */
  readings(deviceId: string): SentinelPoint[] {
    return this.#sql.readings.all(deviceId, sentinelKey).flatMap((row) => {
      const shared = { runtime: runtimeOf(row.runtime), lowMs: null, highMs: null };
      const opening = { ...shared, medianMs: row.opening_ms, doubt: null, measuredAt: row.opened };
      if (row.closing_ms === null || row.ended === null) return [opening];
      return [opening, { ...shared, medianMs: row.closing_ms, doubt: row.doubt, measuredAt: row.ended }];
    });
  }

  /**
   * Ends a block: good without a doubt, void with one. Then its jobs are queued again, and those that were repeated
   * `mostRepeats` times count with the doubt. Returns the ids of its jobs, all of which changed.
   */
  end(id: number, closingMs: number | null, doubt: string | null, mostRepeats: number): string[] {
    return this.database
      .transaction(() => {
        const now = this.now().toISOString();
        const jobs = this.#sql.waiting.all({ id }).map(({ job_id }) => job_id);
        this.#sql.end.run({ id, state: doubt === null ? 'good' : 'void', closingMs, doubt, now });
        if (doubt !== null) this.#sql.repeat.run({ id, most: mostRepeats });
        this.#sql.settle.run({ id, now });
        this.#sql.judge.run({ id, doubt });
        return jobs;
      })
      .immediate();
  }
}

function fromRow(row: Row): Block {
  return {
    id: row.id,
    deviceId: row.device_id,
    runtime: runtimeOf(row.runtime),
    state: row.state,
    sentinelAttempts: row.sentinel_attempts,
    openingMs: row.opening_ms,
  };
}
