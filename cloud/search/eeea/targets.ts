/** Targets: the devices that an evolution is for, each with its prices, its budget, and how far its predictions can be trusted. */
import type { LatencyTable } from '@bespoke/shared/latency/table.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import { networkWorkload } from '../predictor.js';
import type { MeasureOnAll } from '../pricing.js';
import type { ResolvedSpec } from '../spec.js';
import type { MeasuringDevice } from '../study-ports.js';
import type { LatencyGate } from './early-exit.js';
import type { GeneSpace, Genes } from './gene-space.js';
import type { TargetDevice } from './objective.js';
import { type GenePrices, geneLatency } from './pricing.js';
import type { Latency } from './search.js';

export interface Target extends TargetDevice, LatencyGate {}

/** One for each device of the study, in its order. */
export function openTargets(
  { evolution }: ResolvedSpec,
  space: GeneSpace,
  prices: readonly GenePrices[],
  devices: readonly MeasuringDevice[],
): Target[] {
  return devices.map(({ name }, index) => ({
    name,
    budgetMs: prices[index]!.budgetMs,
    weight: index === 0 ? 1 : evolution.alsoOn[index - 1]!.weight,
    predictMs: geneLatency(space, prices[index]!),
    // Of networks that no fit saw, the worst.
    marginShare: prices[index]!.predictor.holdOut.worstError,
  }));
}

/** Predicted on every device; measured, too, where some prediction leaves open on which side of its budget it is. */
export async function latenciesOf(
  space: GeneSpace,
  targets: readonly Target[],
  genes: Genes,
  measure: MeasureOnAll,
): Promise<Latency[]> {
  const predicted = targets.map(({ predictMs }) => predictMs(genes));
  const isOpen = targets.some(({ budgetMs, marginShare }, index) => {
    return Math.abs(predicted[index]! - budgetMs) <= marginShare * budgetMs;
  });
  const [measured] = isOpen ? await measureGenes(space, [genes], measure) : [];
  return predicted.map((predictedMs, index) => ({ predictedMs, measuredMs: measured?.[index] ?? null }));
}

/** Whole networks on every device, [network][device], in ms. */
export async function measureGenes(
  space: GeneSpace,
  all: readonly Genes[],
  measure: MeasureOnAll,
): Promise<readonly (readonly number[])[]> {
  const workloads = all.map((genes) => networkWorkload(space.decode(genes)));
  const tables = await measure(workloads);
  return workloads.map((workload) => tables.map((table: LatencyTable) => table.get(workloadKey(workload))!.medianMs));
}
