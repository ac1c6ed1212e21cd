/** Doubt: what speaks against a measurement, told by itself. Sentinels, which compare blocks of measurements, are the cloud's. */
import { type MeasurementSuccess, samplesOfPasses } from './measurement.js';
import { ascending, median } from './statistics.js';

/** Above these a measurement is in doubt. */
export const doubtLimits = {
  /** Taken out of a reading as overhead, of the reading: what is left of it is a difference of two like numbers. */
  overheadShare: 0.2,
  /** How far the medians of the counted passes lie apart; passes are made until it is 2%, or there are too many. */
  passSpreadShare: 0.02,
  /** Without a core; medians of samples of a millisecond stand a good deal more, those of long runs do not. */
  waitedShare: 0.1,
} as const;

/** How far the medians of the passes that count lie apart, as a share of the least reading; 0 for one pass. */
export function passSpreadShare(measurement: MeasurementSuccess): number {
  const counted = samplesOfPasses(measurement).filter((pass) => pass.counted);
  const medians = ascending(counted.map(({ samplesMs }) => median(samplesMs)));
  return (medians.at(-1)! - medians[0]!) / (medians[0]! + measurement.overheadMs);
}

/** Share of each reading, 0..1, that was overhead and was taken out. */
export function overheadShare({ samplesMs, overheadMs }: MeasurementSuccess): number {
  return overheadMs / (median(samplesMs) + overheadMs);
}

/** Why the measurement is in doubt, in words for people, worst first; none where nothing speaks against it. */
export function doubtsOf(measurement: MeasurementSuccess): string[] {
  const { host } = measurement;
  const spread = passSpreadShare(measurement);
  const overhead = overheadShare(measurement);
  const waited = host.waitedShare ?? 0;
  return [
    host.throttled && 'heat or a weak supply slowed the processor down',
    spread > doubtLimits.passSpreadShare && `its best passes lie ${percent(spread)} apart`,
    waited > doubtLimits.waitedShare && `other programs had the core for ${percent(waited)} of the time`,
    overhead > doubtLimits.overheadShare && `${percent(overhead)} of each reading was overhead, taken out`,
  ].filter((doubt) => typeof doubt === 'string');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)}%`;
}
