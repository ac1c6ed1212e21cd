/**
 * How long does one run take? Warm up until stable, time batches that are long for the clock, stop when the median is known
 * well enough. Pure but for the clock and the run function that it is given.
 *
 * Who knows how fast the device is at the moment (pace.ts) is asked before and after each sample, or group of them while warming, and what slowed it is taken out.
 */
import { agree, type Reading, slownessUncertainty } from '@bespoke/shared/latency/reading.js';
import { ascending, median, medianInterval } from '@bespoke/shared/latency/statistics.js';

export interface Clock {
  nowMs(): number;
  /** The smallest step that the clock shows. */
  readonly tickMs: number;
}

export interface MeasureSettings {
  /** Runs are timed together until a sample lasts this long, or 200 ticks of the clock. */
  readonly sampleMs: number;
  /** Warming ends when two successive medians differ by no more than `stableShare`, within these bounds. */
  readonly warmupMs: { readonly least: number; readonly most: number };
  readonly stableShare: number;
  /** At least so many samples ... */
  readonly sampleCount: { readonly least: number; readonly most: number };
  /** ... and until the 95% confidence interval of the median reaches at most this share of it to either side, beside what is not known of what slows the device ... */
  readonly precisionShare: number;
  /**
   * ... from no less than `least` of time, because disturbances come in bursts that a short look takes for the whole, and no
   * more than `most`; a slow model gives `fewestSamples` all the same.
   */
  readonly samplingMs: { readonly least: number; readonly most: number };
}

/** Some 40 ms where the machine is quiet; a job makes several such passes (passes.ts). */
export const defaultSettings: MeasureSettings = {
  sampleMs: 1,
  warmupMs: { least: 10, most: 100 },
  stableShare: 0.02,
  sampleCount: { least: 15, most: 200 },
  precisionShare: 0.02,
  samplingMs: { least: 25, most: 150 },
};

/** For the runtime's overhead, a few microseconds: quicker and coarser. */
export const overheadSettings: MeasureSettings = {
  ...defaultSettings,
  sampleMs: 0.25,
  warmupMs: { least: 1, most: 10 },
  sampleCount: { least: 10, most: 100 },
  precisionShare: 0.05,
  samplingMs: { least: 3, most: 20 },
};

/** Samples of a model so slow that the cap passes first. */
const fewestSamples = 5;
/** A sample lasts at least so many ticks, so that the clock's step is 0.5% of it. */
const ticksPerSample = 200;
/** Samples per median while warming. */
const warmupGroup = 5;
/** By how much batches grow from one such group to the next, at most: what a few runs took may be next to nothing by chance. */
const growth = 10;
/** Sorting all samples each time would cost more than taking them. */
const samplesBetweenSorts = 5;

export interface Samples {
  /** Milliseconds of one run, per sample. */
  readonly samplesMs: readonly number[];
  /** Runs timed together for one sample. */
  readonly batchSize: number;
  /** How many times slower than at its quietest the device was, at the middle sample; taken out of all. 1 where nobody knows. */
  readonly slowness: number;
}

/** Runs a model so many times; done when it returns or its promise resolves. */
export type Run = (count: number) => void | Promise<void>;

/** `look` tells how many times slower than at its quietest the device is at the moment. */
export async function measure(
  run: Run,
  clock: Clock,
  settings: MeasureSettings = defaultSettings,
  look: () => number = () => 1,
): Promise<Samples> {
  const { samplingMs } = settings;
  const batchSize = await warmUp(run, clock, settings, look);
  const samplesMs: number[] = [];
  const slownesses: number[] = [];
  const startMs = clock.nowMs();
  let before = look();
  for (;;) {
    const ms = await sample(run, clock, batchSize);
    const after = look();
    const slowness = (before + after) / 2;
    before = after;
    samplesMs.push(ms / slowness);
    slownesses.push(slowness);
    const elapsedMs = clock.nowMs() - startMs;
    const { length } = samplesMs;
    if (length >= settings.sampleCount.most || (elapsedMs >= samplingMs.most && length >= fewestSamples)) break;
    const due =
      elapsedMs >= samplingMs.least && length >= settings.sampleCount.least && length % samplesBetweenSorts === 0;
    if (due && isPrecise(samplesMs, settings.precisionShare + slownessUncertainty(median(slownesses)))) break;
  }
  return { samplesMs, batchSize, slowness: median(slownesses) };
}

/** Mean time of one run in a batch. */
async function sample(run: Run, clock: Clock, batchSize: number): Promise<number> {
  const startMs = clock.nowMs();
  const pending = run(batchSize);
  if (pending) await pending; // a runtime that is done has no turn of the event loop in its time
  return (clock.nowMs() - startMs) / batchSize;
}

/** Warms up and returns the batch size that makes a sample long enough. */
async function warmUp(run: Run, clock: Clock, settings: MeasureSettings, look: () => number): Promise<number> {
  const { least, most } = settings.warmupMs;
  const sampleMs = Math.max(settings.sampleMs, ticksPerSample * clock.tickMs);
  const startMs = clock.nowMs();
  await run(1); // the first run allocates
  let batchSize = 1;
  let before: Reading = { medianMs: Number.POSITIVE_INFINITY, slowness: 1 };
  let slownessBefore = look();
  for (;;) {
    const group: number[] = [];
    while (group.length < warmupGroup && clock.nowMs() - startMs < most)
      group.push(await sample(run, clock, batchSize));
    const elapsedMs = clock.nowMs() - startMs;
    if (group.length === 0) return batchSize;
    const nowMs = median(group);
    const wanted = Math.max(1, Math.ceil(sampleMs / Math.max(nowMs, clock.tickMs)));
    const slownessAfter = look();
    const slowness = (slownessBefore + slownessAfter) / 2;
    const now = { medianMs: nowMs / slowness, slowness };
    const stable = wanted <= growth * batchSize && agree(now, before, settings.stableShare);
    batchSize = Math.min(wanted, growth * batchSize);
    if (elapsedMs >= most || (elapsedMs >= least && stable)) return batchSize;
    before = now;
    slownessBefore = slownessAfter;
  }
}

function isPrecise(samplesMs: readonly number[], precisionShare: number): boolean {
  const sorted = ascending(samplesMs);
  const [low, high] = medianInterval(sorted);
  const middle = median(sorted);
  return Math.max(high - middle, middle - low) <= precisionShare * middle;
}
