/**
 * Calibration: from the sum of a network's piece latencies to the latency of the whole network.
 *
 *   whole = factor x sum + perPieceMs x count + perInputMiBMs x inputMiB
 *
 * A piece (a block, or a part of a cell) alone finds its inputs warm and its caches to itself; a network does not: that is the
 * factor. And each piece alone has two ends that it lacks within a network, where a runtime need not bring tensors into its own
 * layout and back: that is the time per piece, and per size of what it reads, negative where ends cost something. Chosen by measurement among one factor,
 * a constant, multipliers by kind, kernel and expansion, and shrunk mixtures (docs/experiments.md).
 */
import { ascending, median } from './statistics.js';

/** Where pieces begin and end. */
export interface PieceEnds {
  /** Pieces. */
  readonly count: number;
  /** Maps that they read. */
  readonly inputMiB: number;
}

/** What is known of a network before it is measured whole. */
export interface PieceSum extends PieceEnds {
  readonly sumMs: number;
}

export interface CalibrationSample extends PieceSum {
  readonly measuredMs: number;
}

export interface Calibration {
  readonly factor: number;
  readonly perPieceMs: number;
  /** Absent in prices that were kept by a version without it. */
  readonly perInputMiBMs?: number;
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

/** With fewer networks for each parameter beside the factor, these would follow their noise. */
const fewestPerParameter = 6;
const maxRounds = 20;
/** Residuals beyond so many (robust) standard deviations count less (Huber's constant). */
const huber = 1.345;

/** Least squares of relative errors, in which a network that was disturbed counts less; of the parameters in the order factor, per piece, per MiB as many as the samples allow. Needs one sample at least. */
export function fitCalibration(samples: readonly CalibrationSample[]): Required<Calibration> {
  const ratio = median(samples.map(({ sumMs, measuredMs }) => measuredMs / sumMs));
  let fit = { factor: ratio, perPieceMs: 0, perInputMiBMs: 0 };
  const parameterCount = 1 + Math.floor(samples.length / fewestPerParameter);
  if (parameterCount === 1) return fit;
  const rows = samples.map(({ sumMs, inputMiB, count, measuredMs }) =>
    [sumMs, count, inputMiB].slice(0, parameterCount).map((value) => value / measuredMs),
  );
  for (let round = 0; round < maxRounds; round++) {
    const [factor, perPieceMs = 0, perInputMiBMs = 0] = solve(rows, robustWeights(samples, fit));
    fit = { factor: factor!, perPieceMs, perInputMiBMs };
  }
  return fit;
}

/** In ms. */
export function predictMs(calibration: Calibration, sum: PieceSum): number {
  return calibration.factor * sum.sumMs + endsMs(calibration, sum);
}

/** What a network has more than the scaled sum for the ends of its pieces; mostly negative. */
export function endsMs({ perPieceMs, perInputMiBMs = 0 }: Calibration, { count, inputMiB }: PieceEnds): number {
  return perPieceMs * count + perInputMiBMs * inputMiB;
}

function robustWeights(samples: readonly CalibrationSample[], fit: Calibration): number[] {
  const residuals = samples.map((sample) => Math.abs(predictMs(fit, sample) / sample.measuredMs - 1));
  const bound = huber * 1.4826 * median(residuals);
  return residuals.map((residual) => (residual <= bound ? 1 : bound / residual));
}

/** The coefficients that minimize the sum of weight x (coefficients x row - 1)^2; 0 for a column that is nearly a combination of those before it. */
function solve(rows: readonly (readonly number[])[], weights: readonly number[]): number[] {
  const columnCount = rows[0]!.length;
  const columns = Array.from({ length: columnCount }, (_, column) => rows.map((row) => row[column]!));
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + weights[i]! * x * b[i]!, 0);
  const ones = rows.map(() => 1);
  const normal = columns.map((a) => [...columns.map((b) => dot(a, b)), dot(a, ones)]);
  const isFree = columns.map((a, column) => {
    const pivot = normal[column]!;
    if (pivot[column]! <= 1e-4 * dot(a, a)) return false;
    for (const [index, row] of normal.entries()) {
      if (index === column) continue;
      const share = row[column]! / pivot[column]!;
      for (let at = column; at <= columnCount; at++) row[at]! -= share * pivot[at]!;
    }
    return true;
  });
  return normal.map((row, column) => (isFree[column] ? row[columnCount]! / row[column]! : 0));
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
