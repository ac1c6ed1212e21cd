/**
 * Statistics of latency samples: order statistics only, for latencies have a long right tail that a mean follows.
 * No sample is ever dropped.
 */
import { AppError } from '../base/errors.js';
import { quietestFirst, slownessUncertainty } from './reading.js';

/** Summary of one measurement. All times in ms. */
export interface LatencySummary {
  readonly count: number;
  readonly medianMs: number;
  /** 95% confidence interval of the median. */
  readonly lowMs: number;
  readonly highMs: number;
  readonly minMs: number;
  readonly p5Ms: number;
  readonly p95Ms: number;
  /** Median absolute deviation from the median. */
  readonly madMs: number;
  /** Samples beyond Tukey's fences, 1.5 interquartile ranges from the quartiles, and those beyond 3. They stay in all the above. */
  readonly mildOutlierCount: number;
  readonly severeOutlierCount: number;
}

/** What one pass of a measurement gave; the summary is of those that count. */
export interface PassSamples {
  readonly counted: boolean;
  readonly samplesMs: readonly number[];
  /** How many times slower than at its quietest the device was, which the samples no longer show. */
  readonly slowness: number;
}

/** Throws `LATENCY_SAMPLES_EMPTY` on no samples and `LATENCY_SAMPLE_INVALID` on one that is not a positive number. */
export function summarize(samplesMs: readonly number[]): LatencySummary {
  if (samplesMs.length === 0) throw new AppError('LATENCY_SAMPLES_EMPTY', {});
  samplesMs.forEach((value, index) => {
    if (!(value > 0 && Number.isFinite(value))) throw new AppError('LATENCY_SAMPLE_INVALID', { index, value });
  });
  const sorted = ascending(samplesMs);
  const medianMs = quantile(sorted, 0.5);
  const [lowMs, highMs] = medianInterval(sorted);
  return {
    count: sorted.length,
    medianMs,
    lowMs,
    highMs,
    minMs: sorted[0]!,
    p5Ms: quantile(sorted, 0.05),
    p95Ms: quantile(sorted, 0.95),
    madMs: median(sorted.map((sample) => Math.abs(sample - medianMs))),
    ...countOutliers(sorted),
  };
}

/**
 * How far the interval of a measurement reaches at least: three times as far as the third quietest pass lies from the quietest, by what they took.
 * Samples say nothing of how passes differ: on the records it was chosen on, 66 to 78% of the intervals by ranks alone held the long-run median; of these, 94 to 99%
 * (docs/adr/0006).
 */
const reach = { passIndex: 2, factor: 3 } as const;
/** And at least so far beyond that: from one minute to the next a quiet device is quicker and slower by this, which no passes of a second show. */
const wanderShare = 0.01;

/**
 * Summary of a measurement made in passes; its interval holds for the median of further measurements, as much as what slowed the device lets it. Throws as `summarize`.
 */
export function summarizePasses(passes: readonly PassSamples[]): LatencySummary {
  const counted = passes.filter((pass) => pass.counted);
  const summary = summarize(counted.flatMap(({ samplesMs }) => samplesMs));
  const slowness = median(counted.map((pass) => pass.slowness));
  const readings = quietestFirst(passes.map((pass) => ({ ...pass, medianMs: median(pass.samplesMs) })));
  const reachMs =
    reach.factor *
      Math.abs(readings[Math.min(reach.passIndex, readings.length - 1)]!.medianMs - readings[0]!.medianMs) +
    Math.max(slownessUncertainty(slowness), wanderShare) * summary.medianMs;
  return {
    ...summary,
    lowMs: Math.max(0, Math.min(summary.lowMs, summary.medianMs - reachMs)),
    highMs: Math.max(summary.highMs, summary.medianMs + reachMs),
  };
}

/** Of ascending values: Tukey's mild and severe outliers. */
function countOutliers(sorted: readonly number[]): Pick<LatencySummary, 'mildOutlierCount' | 'severeOutlierCount'> {
  const [low, high] = [quantile(sorted, 0.25), quantile(sorted, 0.75)];
  const beyond = (ranges: number) => {
    const fence = ranges * (high - low);
    return sorted.filter((value) => value < low - fence || value > high + fence).length;
  };
  const severeOutlierCount = beyond(3);
  return { mildOutlierCount: beyond(1.5) - severeOutlierCount, severeOutlierCount };
}

export function median(values: readonly number[]): number {
  return quantile(ascending(values), 0.5);
}

/** Quantile of ascending values by linear interpolation between the two nearest ranks (Hyndman and Fan's type 7). */
export function quantile(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const below = Math.floor(position);
  const low = sorted[below]!;
  return low + (position - below) * (sorted[Math.min(below + 1, sorted.length - 1)]! - low);
}

/**
 * 95% confidence interval of the median of ascending values, by ranks: how many of n samples lie under the true median is
 * binomial(n, 1/2), whatever the distribution. With fewer than 6 samples no rank reaches 95%: then from least to most.
 */
export function medianInterval(sorted: readonly number[]): [low: number, high: number] {
  const n = sorted.length;
  // The greatest r with P(binomial < r) <= 2.5%: from there the r-th least and the r-th greatest sample.
  let logTerm = -n * Math.LN2;
  let tail = 0;
  let rank = 0;
  while (rank < n && tail + Math.exp(logTerm) <= 0.025) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - rank) / (rank + 1));
    rank++;
  }
  const index = Math.max(rank - 1, 0);
  return [sorted[index]!, sorted[n - 1 - index]!];
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}
