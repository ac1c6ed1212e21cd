/** A pipelined training as its stages would record it, by the simulator, with transfers and a little noise from a seed; measured nowhere. */
import { planView, stepView } from '@bespoke/cloud/search/pipeline-telling.js';
import type { PlannedPipeline } from '@bespoke/cloud/train/gpipe/pipeline-settings.js';
import { type PipelineLayout, pipelineOperations, receiverOffsets } from '@bespoke/cloud/train/gpipe/schedule.js';
import { type OperationEvent, type StageDurations, simulate } from '@bespoke/cloud/train/gpipe/simulator.js';
import type { TraceEvent } from '@bespoke/cloud/train/gpipe/stage-messages.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { PipelinePlanView, PipelineStepView } from '@bespoke/shared/protocol/pipeline.js';

/** What a stage sends is under way until its neighbour may begin. */
function transfersOf(
  event: OperationEvent,
  { stageCount }: PipelineLayout,
  transferMs: readonly number[],
): TraceEvent[] {
  const { stage, kind, microBatch, endMs: startMs } = event;
  const receiver = stage + receiverOffsets[kind];
  if (receiver === stage || receiver < 0 || receiver >= stageCount) return [];
  const span = { microBatch, startMs, endMs: startMs + transferMs[Math.min(stage, receiver)]! };
  return [
    { stage, kind: 'send', ...span },
    { stage: receiver, kind: 'recv', ...span },
  ];
}

/** One step of the layout on a clock that began at 5000 ms. */
export function traceOf(layout: PipelineLayout, durations: StageDurations): TraceEvent[] {
  const { stages } = simulate(pipelineOperations(layout), durations);
  return stages
    .flat()
    .flatMap((event): TraceEvent[] => [event, ...transfersOf(event, layout, durations.transferMs)])
    .map((event) => ({ ...event, startMs: event.startMs + 5000, endMs: event.endMs + 5000 }));
}

/** A plan that cuts `network` where told; a block's forward takes 2 to 4 ms, its backward twice as long. */
export function planOf(
  network: Network,
  layout: Omit<PipelineLayout, 'stageCount'>,
  cuts: readonly number[],
): PlannedPipeline {
  const edges = [0, ...cuts, network.blocks.length];
  const costs = network.blocks.map((_, index) => 2 + 2 * randomStream(21, 'block', index).uniform());
  const partitions = edges.slice(1).map((end, stage) => {
    const forwardMs = costs.slice(edges[stage], end).reduce((sum, ms) => sum + ms, 0);
    return {
      blockCount: end - edges[stage]!,
      forwardMs,
      backwardMs: 2 * forwardMs,
      weightGradientMs: forwardMs,
      byteCount: Math.round(2 ** 20 * (30 + 4 * forwardMs - 6 * stage)),
    };
  });
  const whole = { ...layout, stageCount: partitions.length };
  const { stepMs, idleShare } = simulate(pipelineOperations(whole), durationsOf(partitions));
  const oneProcessMs = 0.9 * partitions.reduce((sum, { forwardMs }) => sum + 3 * forwardMs * layout.microBatchCount, 0);
  return {
    ...whole,
    partitions,
    stepMs,
    idleShare,
    stepMsBy: { pipeline: stepMs, 'one-process': oneProcessMs, 'data-parallel': null },
    fastest: stepMs < oneProcessMs ? 'pipeline' : 'one-process',
    reason: 'measured',
    cuts,
    microBatchSizes: Array<number>(layout.microBatchCount).fill(8),
  };
}

function durationsOf(
  stages: readonly { readonly forwardMs: number; readonly backwardMs: number; readonly weightGradientMs: number }[],
): StageDurations {
  return {
    forwardMs: stages.map(({ forwardMs }) => forwardMs),
    backwardMs: stages.map(({ backwardMs }) => backwardMs),
    weightGradientMs: stages.map(({ weightGradientMs }) => weightGradientMs),
    transferMs: stages.slice(1).map((_, boundary) => 1.2 + 0.4 * boundary),
  };
}

/** Step `step` by the plan: each stage up to a seventh slower or quicker than predicted. */
export function stepOf(plan: PlannedPipeline, step: number): PipelineStepView {
  const noisy = (ms: number, stage: number) => ms * (0.93 + 0.21 * randomStream(22, 'noise', step, stage).uniform());
  const stages = plan.partitions.map(({ forwardMs, backwardMs, weightGradientMs }, stage) => ({
    forwardMs: noisy(forwardMs, stage),
    backwardMs: noisy(backwardMs, stage),
    weightGradientMs: noisy(weightGradientMs, stage),
  }));
  const trace = traceOf(plan, durationsOf(stages));
  const ends = trace.map(({ endMs }) => endMs);
  const stepMs = Math.max(...ends) - 5000;
  return stepView({ step, stepCount: 400, loss: 1, accuracy: 0.5, stepMs, trace }, plan, 1.01 * stepMs);
}

export const tinyNetwork: Network = {
  version: 1,
  name: 'tiny',
  input: { height: 8, width: 8, channels: 3 },
  blocks: [
    { kind: 'conv', id: 'stem', outChannels: 4, kernelSize: 3, stride: 1, activation: 'relu' },
    { kind: 'identity', id: 'skipped' },
    { kind: 'head', id: 'head', classes: 2 },
  ],
};
export const tinyPlan = planOf(tinyNetwork, { schedule: 'gpipe', remat: 'none', microBatchCount: 2 }, [2]);
export const pipelinePlan: PipelinePlanView = planView(tinyNetwork, tinyPlan, null);
export const pipelineStep: PipelineStepView = stepOf(tinyPlan, 7);
