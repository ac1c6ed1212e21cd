/**
 * MeasurementOutcome: what an agent says of one workload. A failed measurement is a result, not an exception, so the
 * cloud can store it, retry it or set the workload aside.
 */
import { z } from 'zod';
import { type RuntimeKey, runtimeKeySchema } from './table.js';

/** The state of the device around a measurement; null where the device does not tell. */
export interface HostState {
  /** Load average of the last minute, before measuring. */
  readonly loadAverage: number | null;
  /** Clock of the fastest core, before and after measuring. */
  readonly frequencyBeforeMhz: number | null;
  readonly frequencyAfterMhz: number | null;
  /** cpufreq governor of the first core, e.g. `schedutil`. */
  readonly governor: string | null;
  /** Hottest thermal zone, after measuring. */
  readonly temperatureC: number | null;
}

export interface MeasurementSuccess {
  readonly ok: true;
  /** One number per sample: milliseconds of one invocation, `overheadMs` taken out. */
  readonly samplesMs: readonly number[];
  /** What copying inputs and outputs and calling the runtime cost per invocation; already subtracted from every sample. */
  readonly overheadMs: number;
  /** Invocations timed together for one sample. */
  readonly batchSize: number;
  readonly runtime: RuntimeKey;
  readonly host: HostState;
}

/** Why a measurement failed: the workload or file is refused; the runtime cannot load it; the process died; its time ran out. */
export const failureReasons = ['refused', 'runtime', 'crashed', 'timeout'] as const;
export type FailureReason = (typeof failureReasons)[number];

export interface MeasurementFailure {
  readonly ok: false;
  readonly reason: FailureReason;
  /** One sentence, then the tail of what the measuring process wrote to stderr; at most `maxLogLength` characters. */
  readonly log: string;
}

export type MeasurementOutcome = MeasurementSuccess | MeasurementFailure;

/** Samples per outcome, at most. */
export const maxSampleCount = 2000;
export const maxLogLength = 8000;

const measured = z.number().nonnegative().nullable();
export const hostStateSchema = z.strictObject({
  loadAverage: measured,
  frequencyBeforeMhz: measured,
  frequencyAfterMhz: measured,
  governor: z.string().max(60).nullable(),
  temperatureC: z.number().min(-100).max(300).nullable(),
});

export const measurementOutcomeSchema = z.discriminatedUnion('ok', [
  z.strictObject({
    ok: z.literal(true),
    samplesMs: z.array(z.number().positive()).min(1).max(maxSampleCount),
    overheadMs: z.number().nonnegative(),
    batchSize: z.number().int().min(1),
    runtime: runtimeKeySchema,
    host: hostStateSchema,
  }),
  z.strictObject({ ok: z.literal(false), reason: z.enum(failureReasons), log: z.string().max(maxLogLength) }),
]) as unknown as z.ZodType<MeasurementOutcome>;
