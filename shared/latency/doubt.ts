/** Doubt: what speaks against a measurement, told by itself. Sentinels, which compare blocks of measurements, are the cloud's. */
import { type MeasurementFacts, summarizeMeasurement } from './measurement.js';

/** Above these a measurement is in doubt. */
export const doubtLimits = {
  /** Taken out of a reading as overhead, of the reading: what is left of it is a difference of two like numbers. */
  overheadShare: 0.2,
  /** From the median to the farther end of its interval, of a reading: 2 to 5% where nothing disturbs. */
  reachShare: 0.1,
  /** Without a core; medians of samples of a millisecond stand a good deal more, those of long runs do not. */
  waitedShare: 0.1,
  /** How many times slower than at its quietest the device was. It is taken out, by what slowed another block, which is no measurement of this one. */
  slowness: 1.1,
} as const;

/** How far the 95% interval reaches from the median to its farther end, as a share of a reading. */
export function reachShare(measurement: MeasurementFacts, summary = summarizeMeasurement(measurement)): number {
  const { medianMs, lowMs, highMs } = summary;
  return Math.max(medianMs - lowMs, highMs - medianMs) / (medianMs + measurement.overheadMs);
}

/** Share of each reading, 0..1, that was overhead and was taken out. */
export function overheadShare(measurement: MeasurementFacts, { medianMs } = summarizeMeasurement(measurement)): number {
  return measurement.overheadMs / (medianMs + measurement.overheadMs);
}

/** Why the measurement is in doubt, in words for people, worst first; none where nothing speaks against it. `summary` is the measurement's own. */
export function doubtsOf(measurement: MeasurementFacts, summary = summarizeMeasurement(measurement)): string[] {
  const { host } = measurement;
  const reach = reachShare(measurement, summary);
  const overhead = overheadShare(measurement, summary);
  const waited = host.waitedShare ?? 0;
  const slowness = host.slowness ?? 1;
  return [
    host.throttled && 'heat or a weak supply slowed the processor down',
    reach > doubtLimits.reachShare && `it is not known well: the interval reaches ${percent(reach)} from the median`,
    waited > doubtLimits.waitedShare && `other programs had the core for ${percent(waited)} of the time`,
    slowness > doubtLimits.slowness &&
      `the device was ${slowness.toFixed(2)} times slower than at its quietest, which is taken out`,
    overhead > doubtLimits.overheadShare && `${percent(overhead)} of each reading was overhead, taken out`,
  ].filter((doubt) => typeof doubt === 'string');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)}%`;
}
