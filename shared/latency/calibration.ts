/**
 * Calibration: from the sum of a network's block latencies to the latency of the whole network.
 *
 * Blocks alone find their inputs warm and pay their own invocation; a network does not, so the sum is off by a factor
 * and a constant that belong to the device. Both are fitted on a few whole networks: measured = slope * sum + interceptMs, by least
 * squares on relative errors. The error of each network under the fit of all the others is the honest figure.
 */

export interface CalibrationSample {
  readonly sumMs: number;
  readonly measuredMs: number;
}

export interface Calibration {
  readonly slope: number;
  readonly interceptMs: number;
  /** Mean absolute relative error of each sample under the fit of the others, 0..1; null with fewer than 3 samples. */
  readonly holdOutError: number | null;
}

/** What a table says before any whole network was measured. */
export const uncalibrated: Calibration = { slope: 1, interceptMs: 0, holdOutError: null };

/** Fits on whole networks; fewer than 2 distinct sums fit a factor alone. */
export function fitCalibration(samples: readonly CalibrationSample[]): Calibration {
  if (samples.length === 0) return uncalibrated;
  const errors = samples.map((sample, index) => {
    const fit = fitLine(samples.filter((_, other) => other !== index));
    return Math.abs(predictMs(fit, sample.sumMs) / sample.measuredMs - 1);
  });
  const holdOutError = samples.length < 3 ? null : errors.reduce((sum, error) => sum + error, 0) / errors.length;
  return { ...fitLine(samples), holdOutError };
}

/** The whole network's latency from the sum of its blocks'. */
export function predictMs(calibration: Pick<Calibration, 'slope' | 'interceptMs'>, sumMs: number): number {
  return calibration.slope * sumMs + calibration.interceptMs;
}

/** Minimizes sum of ((slope * x + intercept) / y - 1)^2; a factor alone where a line would not rise or has nothing to stand on. */
function fitLine(samples: readonly CalibrationSample[]): { slope: number; interceptMs: number } {
  let [w, wx, wxx, wy, wxy] = [0, 0, 0, 0, 0];
  for (const { sumMs: x, measuredMs: y } of samples) {
    const weight = 1 / (y * y);
    w += weight;
    wx += weight * x;
    wxx += weight * x * x;
    wy += weight * y;
    wxy += weight * x * y;
  }
  const determinant = w * wxx - wx * wx;
  const slope = (w * wxy - wx * wy) / determinant;
  if (samples.length < 3 || determinant < 1e-9 * w * wxx || !(slope > 0))
    return { slope: wxy / wxx || 1, interceptMs: 0 };
  return { slope, interceptMs: (wy - slope * wx) / w };
}
