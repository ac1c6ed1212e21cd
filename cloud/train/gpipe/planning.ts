/** From a profile and what the user says to the plan that a training runs by; and how it is corrected by what a training shows. */
import { blocksOf } from '@bespoke/shared/graph/split.js';
import { median } from '@bespoke/shared/latency/statistics.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { BlockSums, type MeasuredCosts } from './costs.js';
import { splitMicroBatches } from './microbatch.js';
import type { PipelineSettings, PlannedPipeline } from './pipeline-settings.js';
import { planPipeline } from './planner.js';
import type { Profile } from './profiler.js';
import { pipelineOperations } from './schedule.js';
import { type OperationEvent, simulate } from './simulator.js';
import { byStage, operationTimes } from './trace.js';

/** Samples of the smallest micro-batch that `auto` takes: batch norm has no statistics of one. */
const leastMicroBatchSize = 2;

/** The numbers of micro-batches to measure: the one that is given, or multiples of K, of which the paper wants four at least (GPipe 2.3). */
export function microBatchCounts(
  { stageCount, microBatchCount }: Pick<PipelineSettings, 'stageCount' | 'microBatchCount'>,
  sampleCount: number,
): readonly number[] {
  if (microBatchCount !== 'auto') return [microBatchCount];
  const most = Math.max(Math.floor(sampleCount / leastMicroBatchSize), 1);
  const counts = [1, 2, 4, 8].map((factor) => factor * stageCount).filter((count) => count <= most);
  return counts.length > 0 ? counts : [Math.min(stageCount, most)];
}

export interface PlanningInput {
  readonly network: Network;
  /** N. */
  readonly sampleCount: number;
  readonly optimizerBytesPerParameter: number;
  readonly settings: PipelineSettings;
}

/** Throws as `planPipeline` does. */
export function planTraining(
  { network, sampleCount, optimizerBytesPerParameter, settings }: PlanningInput,
  { candidates, transfer, oneProcessStepMs }: Profile,
  reason: PlannedPipeline['reason'],
): PlannedPipeline {
  const { schedule, remat, stageCount, memoryCapBytes } = settings;
  const plan = planPipeline({
    schedule,
    remat,
    stageCount,
    sampleCount,
    candidates,
    transfer,
    optimizerBytesPerParameter,
    memoryCapBytes,
    oneProcessStepMs,
  });
  const microBatchSizes = splitMicroBatches(sampleCount, plan.microBatchCount).map((part) => part.sampleCount);
  const balance = plan.partitions.map(({ blockCount }) => blockCount);
  return { ...plan, reason, cuts: cutsOf(network, balance), microBatchSizes };
}

/** Where partitions of so many blocks with nodes begin among all blocks of the network. */
function cutsOf(network: Network, balance: readonly number[]): readonly number[] {
  const ids = blocksOf(lower(network));
  let end = 0;
  return balance.slice(0, -1).map((count) => {
    end += count;
    return network.blocks.findIndex(({ id }) => id === ids[end]);
  });
}

/** How far a prediction may be off before the plan is looked at again, as a share of it. */
const tolerance = 0.1;
/** What another cut has to gain to be worth a restart of the stages. */
const leastGain = 0.03;

/** Whether steps take so much more or less than planned that another cut may be better. */
export function isOff({ stepMs }: PlannedPipeline, measuredStepMs: number): boolean {
  return Math.abs(measuredStepMs / stepMs - 1) > tolerance;
}

/**
 * A plan by what the operations of recorded steps took: another cut if one is predicted to be faster, else null.
 * `profile` has the costs that `plan` was made from, as its only candidate; the answer has the corrected ones.
 */
export function replan(
  input: PlanningInput,
  profile: Profile,
  plan: PlannedPipeline,
  events: readonly OperationEvent[],
): { readonly profile: Profile; readonly plan: PlannedPipeline } | null {
  const tookMs = operationTimes(byStage(events, plan.stageCount), median);
  const costs = correctedCosts(profile.candidates[0], plan, tookMs);
  const corrected: Profile = { ...profile, candidates: [costs] };
  const better = planTraining(input, corrected, 're-cut');
  const sums = new BlockSums(costs, profile.transfer);
  const { stepMs } = simulate(pipelineOperations(plan), {
    ...tookMs,
    transferMs: firstsOf(plan)
      .slice(1)
      .map((first) => sums.transferMs(first)),
  });
  return better.stepMs < (1 - leastGain) * stepMs ? { profile: corrected, plan: better } : null;
}

/** The first block of each partition, blocks without nodes not counted. */
function firstsOf({ partitions }: PlannedPipeline): readonly number[] {
  let next = 0;
  return partitions.map(({ blockCount }) => {
    next += blockCount;
    return next - blockCount;
  });
}

/** The costs of each stage's blocks, scaled so that they add up to what the stage took. */
function correctedCosts(
  costs: MeasuredCosts,
  plan: PlannedPipeline,
  tookMs: ReturnType<typeof operationTimes>,
): MeasuredCosts {
  const firsts = firstsOf(plan);
  const blocks = plan.partitions.flatMap(({ blockCount, forwardMs, backwardMs }, stage) => {
    const [forwardFactor, backwardFactor] = [
      tookMs.forwardMs[stage]! / forwardMs,
      tookMs.backwardMs[stage]! / backwardMs,
    ];
    return costs.blocks.slice(firsts[stage], firsts[stage]! + blockCount).map((block) => ({
      ...block,
      forwardMs: block.forwardMs * forwardFactor,
      backwardMs: block.backwardMs * backwardFactor,
      weightGradientMs: block.weightGradientMs * backwardFactor,
    }));
  });
  return { ...costs, blocks };
}

/** What a fault may cost in replayed steps: the time that the processes take to come back is of the same order. */
const maxReplayMs = 1000;

/** How many steps lie between two snapshots of the stages. One after every step costs 1 to 4% of steps of 130 ms (docs/training.md). */
export function snapshotEvery({ stepMs }: Pick<PlannedPipeline, 'stepMs'>): number {
  return Math.max(Math.floor(maxReplayMs / stepMs), 1);
}
