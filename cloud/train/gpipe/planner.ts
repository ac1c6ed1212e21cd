/**
 * Plans a pipeline by measurement: where to cut, how many micro-batches, what to expect. The paper's heuristic makes the partitions' costs alike (GPipe 2.3); what a step
 * takes is decided by the slowest forward and the slowest backward instead, so these are minimised (partition.ts), under the memory that a partition may have.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { BlockSums, type MeasuredCosts, type TransferCost } from './costs.js';
import { partitionBytes } from './memory.js';
import { checkCount } from './microbatch.js';
import { type CuttingProblem, cutBlocks, leastLargest } from './partition.js';
import {
  type PipelineLayout,
  pipelineOperations,
  recomputedCount,
  type ScheduleChoice,
  type ScheduleKind,
} from './schedule.js';
import { simulate } from './simulator.js';

export interface PlanRequest extends Pick<PipelineLayout, 'remat' | 'stageCount'> {
  readonly schedule: ScheduleChoice;
  /** N, samples of a mini-batch. */
  readonly sampleCount: number;
  /** One for a given M; several to have the fastest chosen. */
  readonly candidates: readonly [MeasuredCosts, ...MeasuredCosts[]];
  readonly transfer: TransferCost;
  /** Optimizer state: 4 for momentum, 8 for Adam. */
  readonly optimizerBytesPerParameter: number;
  /** Of one partition; null for none. */
  readonly memoryCapBytes: number | null;
  /** Measured step of one process with all processors; null where not measured. */
  readonly oneProcessStepMs: number | null;
}

export interface PlannedPartition {
  readonly blockCount: number;
  readonly forwardMs: number;
  readonly backwardMs: number;
  /** The part of it that makes the gradients of the weights. */
  readonly weightGradientMs: number;
  /** Peak, as memory.ts counts. */
  readonly byteCount: number;
}

export type Strategy = 'pipeline' | 'one-process' | 'data-parallel';

export interface PipelinePlan extends PipelineLayout {
  readonly partitions: readonly PlannedPartition[];
  /** Predicted, by simulating the schedule. */
  readonly stepMs: number;
  readonly idleShare: number;
  /** Predicted step of each way to train; null where it was not measured or does not fit. */
  readonly stepMsBy: { readonly [S in Strategy]: number | null };
  /** The way that is predicted to be fastest. */
  readonly fastest: Strategy;
}

/**
 * The plan of least predicted step time over the candidates and, where it is not given, the schedules.
 * Throws `PIPELINE_COUNT_INVALID` on counts that leave something empty, `PIPELINE_COST_INVALID` on costs that are none, `PIPELINE_MEMORY_EXCEEDED` where no candidate fits.
 */
export function planPipeline(request: PlanRequest): PipelinePlan {
  for (const candidate of request.candidates) check(request, candidate);
  const plans = schedulesOf(request).flatMap((schedule) =>
    request.candidates.flatMap((candidate) => planCandidate(request, schedule, candidate) ?? []),
  );
  const [first, ...others] = plans;
  if (!first) throw memoryProblem(request, request.candidates[0]);
  return others.reduce((best, plan) => (plan.stepMs < best.stepMs ? plan : best), first);
}

/** Of equal ones the first is taken, so gpipe, which holds the most micro-batches at once, only where it is faster. */
function schedulesOf({ schedule }: PlanRequest): readonly ScheduleKind[] {
  return schedule === 'auto' ? ['zero-bubble', '1f1b', 'gpipe'] : [schedule];
}

function planCandidate(request: PlanRequest, schedule: ScheduleKind, costs: MeasuredCosts): PipelinePlan | null {
  const { remat, stageCount } = request;
  const layout = { schedule, remat, stageCount, microBatchCount: costs.microBatchCount };
  const sums = new BlockSums(costs, request.transfer);
  const cutting = cutBlocks(problemOf(request, layout, sums));
  if (!cutting) return null;
  const firsts = [0, ...cutting.ends.slice(0, -1)];
  const partitions = cutting.ends.map((end, stage) => ({
    blockCount: end - firsts[stage]!,
    forwardMs: sums.forwardMs(firsts[stage]!, end),
    backwardMs: sums.backwardMs(firsts[stage]!, end),
    weightGradientMs: sums.weightGradientMs(firsts[stage]!, end),
    byteCount: bytesOf(request, layout, sums, firsts[stage]!, end, stage),
  }));
  const { stepMs, idleShare } = simulate(pipelineOperations(layout), {
    forwardMs: partitions.map(({ forwardMs }) => forwardMs),
    backwardMs: partitions.map(({ backwardMs }) => backwardMs),
    weightGradientMs: partitions.map(({ weightGradientMs }) => weightGradientMs),
    transferMs: firsts.slice(1).map((first) => sums.transferMs(first)),
  });
  const stepMsBy = {
    pipeline: stepMs,
    'one-process': wholeFits(request, layout, sums) ? request.oneProcessStepMs : null,
    'data-parallel': dataParallelMs(request, layout, sums),
  };
  return { ...layout, partitions, stepMs, idleShare, stepMsBy, fastest: fastestOf(stepMsBy) };
}

function fastestOf(stepMsBy: PipelinePlan['stepMsBy']): Strategy {
  const strategies = Object.keys(stepMsBy) as Strategy[];
  const msOf = (strategy: Strategy) => stepMsBy[strategy] ?? Infinity;
  return strategies.reduce((best, strategy) => (msOf(strategy) < msOf(best) ? strategy : best));
}

type StepParts = Pick<CuttingProblem, 'fillMs' | 'drainMs' | 'pathMs'>;

/**
 * The step's time as sums and maxima (simulator.ts has it without recomputation). A stage computes again while it waits, but for the last one, which has the gradient of the
 * first micro-batch at once. Exact for gpipe without recomputation, a bound from below with it.
 */
function fillAndDrain(layout: PipelineLayout, sums: BlockSums): StepParts {
  const repeats = layout.microBatchCount - 1;
  const again = Math.max(recomputedCount(layout) - 1, 0);
  return {
    fillMs: (first, end) => repeats * Math.max(sums.forwardMs(first, end), sums.transferMs(first)),
    drainMs: (first, end) =>
      Math.max(
        repeats * sums.backwardMs(first, end) + again * sums.forwardMs(first, end),
        repeats * sums.transferMs(first),
      ),
    pathMs: (first, end) =>
      sums.forwardMs(first, end) +
      sums.backwardMs(first, end) +
      2 * sums.transferMs(first) +
      (end === sums.blockCount && recomputedCount(layout) > 0 ? sums.forwardMs(first, end) : 0),
  };
}

/** About what a step takes in which every stage is busy but for the forwards before its first one: the stage with most to do, and a forward of each other. */
function alwaysBusy(layout: PipelineLayout, sums: BlockSums): StepParts {
  const again = recomputedCount(layout) / layout.microBatchCount;
  return {
    fillMs: (first, end) =>
      layout.microBatchCount * (sums.backwardMs(first, end) + again * sums.forwardMs(first, end)) +
      (layout.microBatchCount - 1) * sums.forwardMs(first, end),
    drainMs: () => 0,
    pathMs: (first, end) => sums.forwardMs(first, end) + sums.transferMs(first),
  };
}

/** What the cut is chosen by; 1F1B has gpipe's bubble. */
const stepParts: { readonly [S in ScheduleKind]: (layout: PipelineLayout, sums: BlockSums) => StepParts } = {
  gpipe: fillAndDrain,
  '1f1b': fillAndDrain,
  'zero-bubble': alwaysBusy,
};

function problemOf(request: PlanRequest, layout: PipelineLayout, sums: BlockSums): CuttingProblem {
  const { memoryCapBytes } = request;
  return {
    ...stepParts[layout.schedule](layout, sums),
    blockCount: sums.blockCount,
    stageCount: layout.stageCount,
    fits: (first, end, stage) =>
      memoryCapBytes === null || bytesOf(request, layout, sums, first, end, stage) <= memoryCapBytes,
  };
}

function bytesOf(
  request: PlanRequest,
  layout: PipelineLayout,
  sums: BlockSums,
  first: number,
  end: number,
  stage: number,
): number {
  return partitionBytes(sums.sizes(first, end), layout, stage, request.optimizerBytesPerParameter);
}

/** Whether one process may hold the whole network and one micro-batch after the other. */
function wholeFits(request: PlanRequest, layout: PipelineLayout, sums: BlockSums): boolean {
  const whole = { ...layout, stageCount: 1, remat: 'none', schedule: '1f1b' } as const;
  const byteCount = bytesOf(request, whole, sums, 0, sums.blockCount, 0);
  return request.memoryCapBytes === null || byteCount <= request.memoryCapBytes;
}

/**
 * K processes with the whole network and an equal part of the micro-batches each, then gradients summed round a ring: each sends 2 (K - 1) messages of a K-th of them.
 * Null where the network does not fit into one.
 */
function dataParallelMs(request: PlanRequest, layout: PipelineLayout, sums: BlockSums): number | null {
  if (!wholeFits(request, layout, sums)) return null;
  const { stageCount, microBatchCount } = layout;
  const { messageMs, byteMs } = request.transfer;
  const { parameterBytes } = sums.sizes(0, sums.blockCount);
  return (
    Math.ceil(microBatchCount / stageCount) *
      (sums.forwardMs(0, sums.blockCount) + sums.backwardMs(0, sums.blockCount)) +
    2 * (stageCount - 1) * (messageMs + (byteMs * parameterBytes) / stageCount)
  );
}

/** Names the block that does not fit alone, or else what the best cut needs; under the schedule that holds least, where none is given. */
function memoryProblem(request: PlanRequest, costs: MeasuredCosts): AppError {
  const { remat, stageCount, memoryCapBytes } = request;
  const schedule = request.schedule === 'auto' ? '1f1b' : request.schedule;
  const layout = { schedule, remat, stageCount, microBatchCount: costs.microBatchCount };
  const sums = new BlockSums(costs, request.transfer);
  const size = (first: number, end: number, stage: number) => bytesOf(request, layout, sums, first, end, stage);
  const alone = costs.blocks.map(({ id }, index) => ({
    what: `block ${id} alone`,
    // The last stage holds the fewest micro-batches.
    byteCount: size(index, index + 1, stageCount - 1),
  }));
  const largest = alone.reduce((most, block) => (block.byteCount > most.byteCount ? block : most));
  const capBytes = memoryCapBytes ?? Infinity;
  if (largest.byteCount > capBytes) return new AppError('PIPELINE_MEMORY_EXCEEDED', { ...largest, capBytes });
  const byteCount = leastLargest(sums.blockCount, stageCount, size);
  return new AppError('PIPELINE_MEMORY_EXCEEDED', { what: `the best cut into ${stageCount}`, byteCount, capBytes });
}

function check(request: PlanRequest, { microBatchCount, inputBytes, blocks }: MeasuredCosts): void {
  checkCount('partitions', request.stageCount, blocks.length, 'blocks');
  checkCount('micro-batches', microBatchCount, request.sampleCount, 'samples in a mini-batch');
  const { transfer, optimizerBytesPerParameter, memoryCapBytes, oneProcessStepMs } = request;
  checkCosts('the transfer', { ...transfer });
  checkCosts('the plan', { inputBytes, optimizerBytesPerParameter });
  checkCosts('the plan', { memoryCapBytes: memoryCapBytes ?? 0, oneProcessStepMs: oneProcessStepMs ?? 0 });
  for (const { id, ...figures } of blocks) checkCosts(`block ${id}`, figures);
}

function checkCosts(where: string, figures: Readonly<Record<string, number>>): void {
  for (const [name, got] of Object.entries(figures))
    if (!(Number.isFinite(got) && got >= 0))
      throw new AppError('PIPELINE_COST_INVALID', { where: `${name} of ${where}`, got });
}
