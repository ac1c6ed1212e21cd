/**
 * Calibration: from the sum of a network's block latencies to the latency of the whole network.
 *
 * Blocks alone find their inputs warm and their caches to themselves; a network does not, so the sum is off by a factor
 * that belongs to the device and the runtime. It is the median of measured / sum over a few whole networks: one that was
 * disturbed does not move it. There is no constant, because invocation overhead is taken out of every measurement.
 */
import { ascending, median } from './statistics.js';

/** All in ms. */
export interface CalibrationSample {
  readonly sumMs: number;
  readonly measuredMs: number;
}

export interface Calibration {
  readonly factor: number;
  /** Median absolute relative error of each sample under the fit of the others, 0..1; null with fewer than 3 samples. */
  readonly holdOutError: number | null;
}

/** Fits on whole networks, at least one. */
export function fitCalibration(samples: readonly CalibrationSample[]): Calibration {
  const factor = fitFactor(samples);
  if (samples.length < 3) return { factor, holdOutError: null };
  const errors = samples.map(({ sumMs, measuredMs }, index) => {
    const others = samples.filter((_, other) => other !== index);
    return Math.abs((fitFactor(others) * sumMs) / measuredMs - 1);
  });
  return { factor, holdOutError: median(ascending(errors)) };
}

function fitFactor(samples: readonly CalibrationSample[]): number {
  return median(ascending(samples.map(({ sumMs, measuredMs }) => measuredMs / sumMs)));
}
