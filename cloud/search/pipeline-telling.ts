/** What a study tells of its pipelined training: plans as they are made, a step now and then, faults and notices as lines of its log. */
import { median } from '@bespoke/shared/latency/statistics.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { ganttOf } from '@bespoke/shared/protocol/gantt.js';
import type { PipelinePlanView, PipelineStepView } from '@bespoke/shared/protocol/pipeline.js';
import { describeFault, describePlan } from '../train/gpipe/describe.js';
import { splitStep } from '../train/gpipe/idle-split.js';
import type { PipelineHooks, PipelineStep, PlannedPipeline } from '../train/gpipe/pipeline-settings.js';
import type { PipelineLayout } from '../train/gpipe/schedule.js';
import { operationsIn } from '../train/gpipe/trace.js';
import type { StudyPorts } from './study-ports.js';

/** Steps are told this far apart at least; by the number of their spans, large ones further: a span is some 75 bytes. */
const leastBetweenMs = 2000;
const betweenMsPerSpan = 1;
/** Steps whose median is told. */
const recentCount = 50;

/** The hooks that tell; each step is handed on to `onStep` first. */
export function pipelineTelling(
  network: Network,
  capBytes: number | null,
  ports: Pick<StudyPorts, 'tell' | 'now'>,
  onStep: (step: PipelineStep) => void,
): Pick<PipelineHooks, 'onProfile' | 'onPlan' | 'onStep' | 'onFault' | 'onNotice'> {
  const log = (line: string) => ports.tell({ type: 'log', line });
  let layout: PipelineLayout | null = null;
  let recentMs: number[] = [];
  let nextMs = 0;
  return {
    onProfile: (share) => log(`blocks measured for the plan of the pipeline: ${Math.round(100 * share)}%`),
    onPlan(plan) {
      [layout, recentMs, nextMs] = [plan, [], 0];
      ports.tell({ type: 'pipelinePlan', plan: planView(network, plan, capBytes) });
      log(describePlan(network, plan));
    },
    onStep(step) {
      onStep(step);
      recentMs = [...recentMs, step.stepMs].slice(-recentCount);
      if (layout === null || ports.now() < nextMs) return;
      const view = stepView(step, layout, median(recentMs));
      ports.tell({ type: 'pipelineStep', step: view });
      nextMs = ports.now() + Math.max(leastBetweenMs, betweenMsPerSpan * view.spans.length);
    },
    onFault: (fault) => log(describeFault(fault)),
    onNotice: log,
  };
}

export function planView(network: Network, plan: PlannedPipeline, capBytes: number | null): PipelinePlanView {
  const { reason, schedule, remat, microBatchCount, cuts, partitions, stepMs, idleShare, stepMsBy, fastest } = plan;
  const edges = [0, ...cuts, network.blocks.length];
  const stages = partitions.map(({ forwardMs, backwardMs, byteCount }, stage) => ({
    blocks: network.blocks.slice(edges[stage], edges[stage + 1]).map(({ id }) => id),
    forwardMs,
    backwardMs,
    byteCount,
  }));
  return { reason, schedule, remat, microBatchCount, stages, capBytes, stepMs, idleShare, stepMsBy, fastest };
}

/** Times in hundredths of a millisecond: what is told is looked at, not computed with. */
export function stepView(step: PipelineStep, layout: PipelineLayout, medianStepMs: number): PipelineStepView {
  const { rows } = ganttOf(step.trace, layout.stageCount);
  const rounded = (ms: number) => Math.round(100 * ms) / 100;
  return {
    step: step.step,
    stepMs: step.stepMs,
    medianStepMs,
    shares: splitStep(operationsIn(step.trace), layout),
    spans: rows
      .flatMap(({ operations, transfers }) => [...operations, ...transfers])
      .map((span) => ({ ...span, startMs: rounded(span.startMs), endMs: rounded(span.endMs) })),
  };
}
