/** TableRow: one workload's latency with all that is said of it outside this program, in a table that is written to a file. */
import { z } from 'zod';
import { type HostState, hostStateSchema } from './measurement.js';
import type { LatencySummary } from './statistics.js';
import { type RuntimeKey, runtimeKeySchema } from './table.js';
import { type Workload, workloadKey, workloadSchema } from './workload.js';

export interface TableRow extends LatencySummary {
  readonly key: string;
  readonly runtime: RuntimeKey;
  readonly workload: Workload;
  readonly overheadMs: number;
  /** Invocations timed together for one sample. */
  readonly batchSize: number;
  readonly host: HostState;
  /** Why this number is in doubt, in words for people; null where nothing speaks against it. */
  readonly doubt: string | null;
  /** ISO 8601, in UTC. */
  readonly measuredAt: string;
}

const ms = z.number().positive();
const countOf = z.number().int().min(0);

export const tableRowSchema = z
  .strictObject({
    key: z.string(),
    runtime: runtimeKeySchema,
    workload: workloadSchema,
    count: z.number().int().min(1),
    medianMs: ms,
    lowMs: z.number().nonnegative(),
    highMs: ms,
    minMs: ms,
    p5Ms: ms,
    p95Ms: ms,
    madMs: z.number().nonnegative(),
    mildOutlierCount: countOf,
    severeOutlierCount: countOf,
    overheadMs: z.number().nonnegative(),
    batchSize: z.number().int().min(1),
    host: hostStateSchema,
    doubt: z.string().max(1000).nullable(),
    measuredAt: z.iso.datetime(),
  })
  .superRefine((row, context) => {
    const require = (holds: boolean, field: string, message: string) => {
      if (!holds) context.addIssue({ code: 'custom', path: [field], message });
    };
    const { minMs, p5Ms, lowMs, medianMs, highMs, p95Ms } = row;
    require(minMs <= p5Ms, 'minMs', `expected at most p5Ms, ${p5Ms}, but got ${minMs}`);
    require(p5Ms <= medianMs, 'p5Ms', `expected at most medianMs, ${medianMs}, but got ${p5Ms}`);
    require(lowMs <= medianMs, 'lowMs', `expected at most medianMs, ${medianMs}, but got ${lowMs}`);
    require(medianMs <= highMs, 'highMs', `expected at least medianMs, ${medianMs}, but got ${highMs}`);
    require(medianMs <= p95Ms, 'p95Ms', `expected at least medianMs, ${medianMs}, but got ${p95Ms}`);
    const key = workloadKey(row.workload);
    require(row.key === key, 'key', `expected ${key}, the key of the row's workload, but got ${row.key}`);
  }) as unknown as z.ZodType<TableRow>;
