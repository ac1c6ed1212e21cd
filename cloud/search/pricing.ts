/**
 * Pricing: what every candidate of a space costs on the device, from measurements.
 *
 * Blocks are measured alone; a few whole networks (the fastest, the slowest, random ones) say how the sum of blocks relates
 * to a network there (shared/latency/calibration.ts). The factor goes into every candidate's price, so a predicted latency is a
 * plain sum again.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { type Calibration, type CalibrationSample, fitCalibration } from '@bespoke/shared/latency/calibration.js';
import type { LatencyEntry, LatencyTable } from '@bespoke/shared/latency/table.js';
import { type Workload, workloadKey } from '@bespoke/shared/latency/workload.js';
import type { Network } from '@bespoke/shared/network/network.js';
import {
  budgetAt,
  choose,
  fastestPath,
  pathLatencyMs,
  priceSlots,
  type SearchSpace,
  samplePath,
  slotWorkloads,
  slowestPath,
} from './space.js';

/** Measures what is missing and returns the table that holds all of `workloads`. */
export type Measure = (workloads: readonly Workload[]) => Promise<LatencyTable>;

export interface Prices {
  /** Calibrated latency of every candidate, [slot][candidate]; 0 for identities. */
  readonly latencyMs: readonly (readonly number[])[];
  readonly calibration: Calibration;
  /** The whole networks that it was fitted on. */
  readonly samples: readonly CalibrationSample[];
  readonly fastestMs: number;
  readonly slowestMs: number;
  readonly budgetMs: number;
  /** Of the measurements that all this stands on, those in doubt: each why, in words. */
  readonly doubts: readonly string[];
  readonly measurementCount: number;
}

/** A latency in ms, or where the budget lies between the fastest (0) and the slowest (1) network. */
export type Budget = { readonly ms: number } | { readonly fraction: number };

/** Random networks in the fit, besides the fastest and the slowest. */
const randomNetworkCount = 6;

/** What pricing has measured first, each once; then come `calibrationNetworkCount` networks that depend on it. */
export function pricedBlocks(space: SearchSpace): Workload[] {
  const blocks = slotWorkloads(space)
    .flat()
    .filter(({ body }) => body.kind !== 'identity');
  return [...new Map(blocks.map((block) => [workloadKey(block), block])).values()];
}

export const calibrationNetworkCount = 2 + randomNetworkCount;

/** Prices the space. Throws `BUDGET_TOO_SMALL` naming the fastest network's latency. */
export async function priceSpace(space: SearchSpace, measure: Measure, budget: Budget, seed: number): Promise<Prices> {
  const blocks = pricedBlocks(space);
  const table = await measure(blocks);
  const sums = priceSlots(space, (workload) => table.get(workloadKey(workload))!.medianMs);

  const stream = randomStream(seed, 'calibration-networks');
  const paths = [fastestPath(sums), slowestPath(sums)];
  while (paths.length < calibrationNetworkCount) paths.push(samplePath(space, stream));
  const networks = await measureNetworks(
    paths.map((path) => choose(space, path)),
    measure,
  );
  const samples = paths.map((path, index) => ({
    sumMs: pathLatencyMs(path, sums),
    measuredMs: networks[index]!.medianMs,
  }));
  const calibration = fitCalibration(samples);

  const latencyMs = sums.map((row) => row.map((ms) => calibration.factor * ms));
  const [fastestMs, slowestMs] = [budgetAt(0, latencyMs), budgetAt(1, latencyMs)];
  const budgetMs = 'ms' in budget ? budget.ms : budgetAt(budget.fraction, latencyMs);
  if (budgetMs < fastestMs) throw new AppError('BUDGET_TOO_SMALL', { budgetMs, fastestMs });
  const entries = blocks.map((block) => table.get(workloadKey(block))!).concat(networks);
  const doubts = entries.flatMap(({ doubt }) => doubt ?? []);
  const measurementCount = entries.length;
  return { latencyMs, calibration, samples, fastestMs, slowestMs, budgetMs, doubts, measurementCount };
}

/** Whole networks on the device. */
export async function measureNetworks(networks: readonly Network[], measure: Measure): Promise<LatencyEntry[]> {
  const workloads = networks.map((network): Workload => ({ kind: 'network', network, dtype: 'float32', batch: 1 }));
  const table = await measure(workloads);
  return workloads.map((workload) => table.get(workloadKey(workload))!);
}
