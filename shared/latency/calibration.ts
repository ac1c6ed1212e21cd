/**
 * Calibration: from the sum of a network's piece latencies to the latency of the whole network.
 *
 *   whole = factor x sum + perPieceMs x count
 *
 * A piece (a block, or a part of a cell) alone finds its inputs warm and its caches to itself; a network does not: that is the
 * factor. And each piece alone has two ends that it lacks within a network, where a runtime need not bring tensors into its own
 * layout and back: that is the time per piece, negative where ends cost something. Chosen by measurement among one factor,
 * a constant, multipliers by kind, kernel and expansion, and shrunk mixtures (docs/experiments.md): more parameters predicted no better.
 */
import { ascending, median } from './statistics.js';

/** What is known of a network before it is measured whole. */
export interface PieceSum {
  readonly sumMs: number;
  /** Pieces in the sum. */
  readonly count: number;
}

export interface CalibrationSample extends PieceSum {
  readonly measuredMs: number;
}

export interface Calibration {
  readonly factor: number;
  readonly perPieceMs: number;
}

/** Errors on networks that the fit never saw; shares are 0..1. */
export interface PredictionError {
  readonly count: number;
  /** Mean and greatest absolute relative error. */
  readonly meanError: number;
  readonly worstError: number;
  readonly spearman: number;
  readonly within10Share: number;
}

/** With fewer networks, a time per piece would follow their noise. */
const fewestForTwo = 6;
const maxRounds = 20;
/** Residuals beyond so many (robust) standard deviations count less (Huber's constant). */
const huber = 1.345;

/** Least squares of relative errors, in which a network that was disturbed counts less. Needs one sample at least. */
export function fitCalibration(samples: readonly CalibrationSample[]): Calibration {
  const ratio = median(samples.map(({ sumMs, measuredMs }) => measuredMs / sumMs));
  let fit: Calibration = { factor: ratio, perPieceMs: 0 };
  if (samples.length < fewestForTwo) return fit;
  for (let round = 0; round < maxRounds; round++) fit = solve(samples, robustWeights(samples, fit)) ?? fit;
  return fit;
}

/** In ms. */
export function predictMs({ factor, perPieceMs }: Calibration, { sumMs, count }: PieceSum): number {
  return factor * sumMs + perPieceMs * count;
}

function robustWeights(samples: readonly CalibrationSample[], fit: Calibration): number[] {
  const residuals = samples.map((sample) => Math.abs(predictMs(fit, sample) / sample.measuredMs - 1));
  const bound = huber * 1.4826 * median(residuals);
  return residuals.map((residual) => (residual <= bound ? 1 : bound / residual));
}

/** Minimizes sum of weight x (factor x sum/measured + perPiece x count/measured - 1)^2; null where sums and counts go together. */
function solve(samples: readonly CalibrationSample[], weights: readonly number[]): Calibration | null {
  let [aa, ab, bb, a1, b1] = [0, 0, 0, 0, 0];
  samples.forEach(({ sumMs, count, measuredMs }, index) => {
    const [weight, a, b] = [weights[index]!, sumMs / measuredMs, count / measuredMs];
    aa += weight * a * a;
    ab += weight * a * b;
    bb += weight * b * b;
    a1 += weight * a;
    b1 += weight * b;
  });
  const determinant = aa * bb - ab * ab;
  if (determinant <= 1e-9 * aa * bb) return null;
  return { factor: (a1 * bb - b1 * ab) / determinant, perPieceMs: (b1 * aa - a1 * ab) / determinant };
}

/** How well predictions meet measurements; two at least. */
export function judge(
  points: readonly { readonly predictedMs: number; readonly measuredMs: number }[],
): PredictionError {
  const errors = points.map(({ predictedMs, measuredMs }) => Math.abs(predictedMs / measuredMs - 1));
  return {
    count: points.length,
    meanError: mean(errors),
    worstError: Math.max(...errors),
    spearman: spearman(
      points.map(({ predictedMs }) => predictedMs),
      points.map(({ measuredMs }) => measuredMs),
    ),
    within10Share: mean(errors.map((error) => (error <= 0.1 ? 1 : 0))),
  };
}

/** Spearman's rank correlation, -1..1; equal values share the mean of their ranks; 0 where one side is all equal. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  const [ranksA, ranksB] = [ranks(a), ranks(b)];
  const middle = (a.length - 1) / 2;
  const moment = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, index) => sum + (value - middle) * (y[index]! - middle), 0);
  const spread = Math.sqrt(moment(ranksA, ranksA) * moment(ranksB, ranksB));
  return spread === 0 ? 0 : moment(ranksA, ranksB) / spread;
}

function ranks(values: readonly number[]): number[] {
  const sorted = ascending(values);
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
