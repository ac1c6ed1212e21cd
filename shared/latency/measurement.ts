/**
 * MeasurementOutcome: what an agent says of one workload. A failed measurement is a result, not an exception, so the
 * cloud can store it, retry it or set the workload aside.
 */
import { z } from 'zod';
import { type Reading, retelling } from './reading.js';
import { type LatencySummary, median, type PassSamples, summarizePasses } from './statistics.js';
import { type RuntimeKey, runtimeKeySchema } from './table.js';

/** The state of the device around a measurement; null where the device does not tell. */
export interface HostState {
  /** Load average of the last minute, before measuring. */
  readonly loadAverage: number | null;
  /** Share of the measuring time, 0..1, in which the runtime was ready to run and had no core: others did. */
  readonly waitedShare: number | null;
  /** How many times slower than at its quietest the device was, as a small block between the samples told; taken out of all samples. Null where none can tell. */
  readonly slowness: number | null;
  /** What that block took at the quietest of the device by which `slowness` is told; one that is quieter since means that it was more. Null likewise. */
  readonly quietestMs: number | null;
  /** Clock of the fastest core, before and after measuring. */
  readonly frequencyBeforeMhz: number | null;
  readonly frequencyAfterMhz: number | null;
  /** cpufreq governor of the first core, e.g. `schedutil`. */
  readonly governor: string | null;
  /** Hottest thermal zone, after measuring. */
  readonly temperatureC: number | null;
  /** Whether heat or a weak supply held the processor back. */
  readonly throttled: boolean | null;
  /** Charge of the battery, 0..100. */
  readonly batteryPercent: number | null;
  /** False when the device lives on its battery. */
  readonly charging: boolean | null;
}

/** Of a device that tells nothing. */
export const unknownHost: HostState = {
  loadAverage: null,
  waitedShare: null,
  slowness: null,
  quietestMs: null,
  frequencyBeforeMhz: null,
  frequencyAfterMhz: null,
  governor: null,
  temperatureC: null,
  throttled: null,
  batteryPercent: null,
  charging: null,
};

/** One of the times that the model was loaded and timed. */
export interface PassRecord {
  /** Whether its samples are in `samplesMs`; else they are in `uncountedMs`. */
  readonly counted: boolean;
  readonly sampleCount: number;
  /** How many times slower than at its quietest the device was; absent where nothing told. */
  readonly slowness?: number | undefined;
}

export interface MeasurementSuccess {
  readonly ok: true;
  /** One number per sample of the passes that count: milliseconds of one invocation, `overheadMs` taken out. */
  readonly samplesMs: readonly number[];
  /** Likewise, of the passes that do not count. */
  readonly uncountedMs: readonly number[];
  /** All passes in the order in which they were made; their samples follow one another in the two lists above. */
  readonly passes: readonly PassRecord[];
  /** What calling the runtime cost per invocation, and copying inputs and outputs where it copies with every run; already subtracted from every sample. */
  readonly overheadMs: number;
  /** Invocations timed together for one sample. */
  readonly batchSize: number;
  readonly runtime: RuntimeKey;
  readonly host: HostState;
}

/** What is read off a measurement; stored ones have it, too. */
export type MeasurementFacts = Pick<MeasurementSuccess, 'samplesMs' | 'uncountedMs' | 'passes' | 'overheadMs' | 'host'>;

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

/** Samples per outcome, at most, counted or not. */
export const maxSampleCount = 2000;
export const maxPassCount = 100;
export const maxLogLength = 8000;

const measured = z.number().nonnegative().nullable();
export const hostStateSchema = z.strictObject({
  loadAverage: measured,
  waitedShare: z.number().min(0).max(1).nullable(),
  // Agents and tables before them had none.
  slowness: z.number().min(1).nullable().default(null),
  quietestMs: z.number().positive().nullable().default(null),
  frequencyBeforeMhz: measured,
  frequencyAfterMhz: measured,
  governor: z.string().max(60).nullable(),
  temperatureC: z.number().min(-100).max(300).nullable(),
  throttled: z.boolean().nullable(),
  batteryPercent: z.number().min(0).max(100).nullable(),
  charging: z.boolean().nullable(),
});

/** Checked in one loop, not as a schema for each number: a result has hundreds, and a cloud reads thousands of results a second. */
const samples = (least: number) =>
  z.custom<readonly number[]>().superRefine((value: unknown, { addIssue }) => {
    if (!Array.isArray(value) || value.length < least || value.length > maxSampleCount) {
      addIssue({
        code: 'custom',
        message: `expected a list of ${least} to ${maxSampleCount} samples`,
        continue: false,
      });
      return;
    }
    const bad = value.findIndex((sample) => !(typeof sample === 'number' && sample > 0 && sample < Infinity));
    if (bad >= 0) addIssue({ code: 'custom', path: [bad], message: 'expected a positive number', continue: false });
  });
const count = z.number().int().min(1).max(maxSampleCount);

export const measurementOutcomeSchema = z.discriminatedUnion('ok', [
  z
    .strictObject({
      ok: z.literal(true),
      samplesMs: samples(1),
      uncountedMs: samples(0),
      passes: z
        .array(z.strictObject({ counted: z.boolean(), sampleCount: count, slowness: z.number().min(1).optional() }))
        .min(1)
        .max(maxPassCount),
      overheadMs: z.number().nonnegative(),
      batchSize: z.number().int().min(1),
      runtime: runtimeKeySchema,
      host: hostStateSchema,
    })
    .refine(isComplete, 'expected passes whose sample counts add up to the samples, at most 2000 in all'),
  z.strictObject({ ok: z.literal(false), reason: z.enum(failureReasons), log: z.string().max(maxLogLength) }),
]) as unknown as z.ZodType<MeasurementOutcome>;

type SamplesOfPasses = Pick<MeasurementSuccess, 'samplesMs' | 'uncountedMs' | 'passes' | 'host'>;

function isComplete({ samplesMs, uncountedMs, passes }: SamplesOfPasses): boolean {
  const total = (counted: boolean) =>
    passes.reduce((sum, pass) => sum + (pass.counted === counted ? pass.sampleCount : 0), 0);
  const fits = samplesMs.length + uncountedMs.length <= maxSampleCount;
  return fits && total(true) === samplesMs.length && total(false) === uncountedMs.length;
}

/** The samples of every pass, in the order in which they were made. */
export function samplesOfPasses({ samplesMs, uncountedMs, passes, host }: SamplesOfPasses): PassSamples[] {
  const next = { counted: 0, uncounted: 0 };
  return passes.map(({ counted, sampleCount, slowness = host.slowness ?? 1 }) => {
    const key = counted ? 'counted' : 'uncounted';
    const start = next[key];
    next[key] += sampleCount;
    return { counted, samplesMs: (counted ? samplesMs : uncountedMs).slice(start, next[key]), slowness };
  });
}

/** Of the passes that count, with an interval that holds for the next measurement. Throws `LATENCY_SAMPLE_INVALID`. */
export function summarizeMeasurement(measurement: SamplesOfPasses): LatencySummary {
  return summarizePasses(samplesOfPasses(measurement));
}

/** What the measurement says, to be ranked among others. */
export function readingOf({ samplesMs, host }: Pick<MeasurementSuccess, 'samplesMs' | 'host'>): Reading {
  return { medianMs: median(samplesMs), slowness: host.slowness ?? 1 };
}

/** The same measurement, told by a quietest of the device that was found since. Only of one that has a `host.quietestMs`. What was told before can be told again. */
export function retold<M extends MeasurementFacts>(measurement: M, quietestMs: number): M {
  const { samplesMs, uncountedMs, passes, overheadMs, host } = measurement;
  const told = retelling(host.quietestMs!, quietestMs);
  return {
    ...measurement,
    samplesMs: samplesMs.map(told.ms),
    uncountedMs: uncountedMs.map(told.ms),
    passes: passes.map((pass) => ({ ...pass, slowness: told.slowness(pass.slowness ?? host.slowness ?? 1) })),
    overheadMs: told.ms(overheadMs),
    host: { ...host, slowness: told.slowness(host.slowness ?? 1), quietestMs },
  };
}
