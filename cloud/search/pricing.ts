/**
 * Pricing: what every candidate of a space costs on the device, from measurements.
 *
 * Blocks are measured alone; some whole networks (the fastest, the slowest, random ones) say how sums of blocks relate to
 * networks there, and others how well that predicts (predictor.ts). What the fit finds goes into every candidate's price, so a
 * predicted latency is a plain sum again: over slots, and what no choice changes.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { type Calibration, endsMs } from '@bespoke/shared/latency/calibration.js';
import type { LatencyEntry, LatencyTable } from '@bespoke/shared/latency/table.js';
import { type BlockWorkload, type Workload, workloadKey } from '@bespoke/shared/latency/workload.js';
import type { Network } from '@bespoke/shared/network/network.js';
import {
  endsOf,
  fitPredictor,
  type NetworkCounts,
  networkWorkload,
  type PiecedNetwork,
  type Predictor,
} from './predictor.js';
import {
  budgetAt,
  choose,
  fastestPath,
  priceSlots,
  type SearchSpace,
  samplePath,
  slotWorkloads,
  slowestPath,
  spaceName,
} from './space.js';

/** Measures what is missing and returns the table that holds all of `workloads`. */
export type Measure = (workloads: readonly Workload[]) => Promise<LatencyTable>;

/** The same on every device of the study: their tables, in its order. */
export type MeasureOnAll = (workloads: readonly Workload[]) => Promise<readonly LatencyTable[]>;

export interface Prices {
  /** Calibrated latency of every candidate, [slot][candidate]; 0 for identities. */
  readonly latencyMs: readonly (readonly number[])[];
  /** What no choice changes: the time for the ends of the blocks of slots with one candidate; may be negative. */
  readonly fixedMs: number;
  readonly predictor: Predictor;
  readonly fastestMs: number;
  readonly slowestMs: number;
  readonly budgetMs: number;
  /** Of the measurements that all this stands on, those in doubt: each why, in words. */
  readonly doubts: readonly string[];
  readonly measurementCount: number;
}

/** A latency in ms, or where the budget lies between the fastest (0) and the slowest (1) network. */
export type Budget = { readonly ms: number } | { readonly fraction: number };

export interface PricingOptions {
  readonly budget: Budget;
  readonly seed: number;
  readonly counts: NetworkCounts;
}

/** What pricing has measured first, each once; then come whole networks, which depend on it. */
export function pricedBlocks(space: SearchSpace): BlockWorkload[] {
  const blocks = slotWorkloads(space)
    .flat()
    .filter(({ body }) => body.kind !== 'identity');
  return [...new Map(blocks.map((block) => [workloadKey(block), block])).values()];
}

/** Prices the space. Throws `BUDGET_TOO_SMALL` naming the fastest network's latency. */
export async function priceSpace(
  space: SearchSpace,
  measure: Measure,
  { budget, seed, counts }: PricingOptions,
): Promise<Prices> {
  const blocks = slotWorkloads(space);
  const priced = pricedBlocks(space);
  const table = await measure(priced);
  const sums = priceSlots(space, (workload) => table.get(workloadKey(workload))!.medianMs);

  const networks = calibrationPaths(space, sums, seed, counts).map((path): PiecedNetwork => {
    const pieces = path.map((candidate, slot) => blocks[slot]![candidate]!);
    return { network: choose(space, path), pieces: pieces.filter(({ body }) => body.kind !== 'identity') };
  });
  const measured = await measure(networks.map(({ network }) => networkWorkload(network)));
  const predictor = fitPredictor(
    spaceName(space.name, space.input),
    networks,
    counts.heldOut,
    new Map([...table, ...measured]),
  );

  const { latencyMs, fixedMs } = applyCalibration(blocks, sums, predictor.calibration);
  const [fastestMs, slowestMs] = [budgetAt(0, latencyMs, fixedMs), budgetAt(1, latencyMs, fixedMs)];
  const budgetMs = 'ms' in budget ? budget.ms : budgetAt(budget.fraction, latencyMs, fixedMs);
  if (budgetMs < fastestMs) throw new AppError('BUDGET_TOO_SMALL', { budgetMs, fastestMs });
  const entries = [...priced.map((block) => table.get(workloadKey(block))!), ...measured.values()];
  const doubts = entries.flatMap(({ doubt }) => doubt ?? []);
  return { latencyMs, fixedMs, predictor, fastestMs, slowestMs, budgetMs, doubts, measurementCount: entries.length };
}

/** Draws for a network that is not among those before; a small space has no more. */
const maxTries = 100;

/** First those to fit on, the fastest and the slowest among them, then those to hold out. */
function calibrationPaths(
  space: SearchSpace,
  sums: readonly (readonly number[])[],
  seed: number,
  { fit, heldOut }: NetworkCounts,
): number[][] {
  const stream = randomStream(seed, 'calibration-networks');
  const paths = new Map([fastestPath(sums), slowestPath(sums)].map((path) => [path.join(), path]));
  for (let tries = 0; paths.size < fit + heldOut && tries < maxTries * (fit + heldOut); tries++) {
    const path = samplePath(space, stream);
    paths.set(path.join(), path);
  }
  return [...paths.values()];
}

/** From what blocks take alone to their prices, by slot and candidate. */
function applyCalibration(
  blocks: readonly (readonly BlockWorkload[])[],
  sums: readonly (readonly number[])[],
  calibration: Calibration,
): Pick<Prices, 'latencyMs' | 'fixedMs'> {
  const { factor } = calibration;
  const slots = blocks.map((row, slot) => {
    const ms = sums[slot]!;
    const ofEnds = row.map((block, candidate) => (ms[candidate] === 0 ? 0 : endsMs(calibration, endsOf([block]))));
    if (row.length === 1) return { row: [factor * ms[0]!], fixedMs: ofEnds[0]! };
    // A choice is never cheaper than none.
    return { row: ms.map((each, candidate) => Math.max(factor * each + ofEnds[candidate]!, 0)), fixedMs: 0 };
  });
  return { latencyMs: slots.map(({ row }) => row), fixedMs: slots.reduce((sum, { fixedMs }) => sum + fixedMs, 0) };
}

/** Whole networks on the device. */
export async function measureNetworks(networks: readonly Network[], measure: Measure): Promise<LatencyEntry[]> {
  const workloads = networks.map(networkWorkload);
  const table = await measure(workloads);
  return workloads.map((workload) => table.get(workloadKey(workload))!);
}
