/** A pipeline's plans and faults in words, for logs and terminals. */
import type { Network } from '@bespoke/shared/network/network.js';
import type { PlannedPipeline } from './pipeline-settings.js';
import type { Fault } from './supervisor.js';

const reasonTexts: { readonly [R in PlannedPipeline['reason']]: string } = {
  measured: 'planned',
  resumed: 'goes on',
  're-cut': 'cut anew',
};

export function describePlan(network: Network, plan: PlannedPipeline): string {
  const { reason, stageCount, cuts, microBatchCount, schedule, remat, partitions, stepMs, idleShare } = plan;
  const where = cuts.map((cut) => network.blocks[cut]!.id).join(', ');
  const stages = cuts.length === 0 ? 'one stage' : `${stageCount} stages, cut before ${where}`;
  const sizes = partitions.map(({ byteCount }) => (byteCount / 1e6).toFixed(1)).join(' | ');
  return `pipeline ${reasonTexts[reason]}: ${stages}; ${microBatchCount} micro-batches, schedule ${schedule}, remat ${remat}; predicted ${stepMs.toFixed(1)} ms a step, ${(100 * idleShare).toFixed(0)}% idle, ${sizes} MB`;
}

export function describeFault({ stage, how, noticedMs, recoveredMs, step }: Fault): string {
  return `stage ${stage}: ${how}; back after ${Math.round(recoveredMs - noticedMs)} ms, going on after step ${step}`;
}
