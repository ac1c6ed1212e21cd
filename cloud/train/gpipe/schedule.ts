/**
 * The schedule of a step: which operations each stage runs, in which order. Pure: real stages run these lists (the order is all they need), the simulator times
 * them, the checker holds traces to them.
 *
 * Three stages, four micro-batches, every operation one unit long ('F2' is the forward of micro-batch 2, a dot is idle):
 *
 *   gpipe    stage 0  F0 F1 F2 F3 .  .  .  .  B0 B1 B2 B3
 *            stage 1  .  F0 F1 F2 F3 .  .  B0 B1 B2 B3 .
 *            stage 2  .  .  F0 F1 F2 F3 B0 B1 B2 B3 .  .
 *
 *   1f1b     stage 0  F0 F1 F2 .  .  B0 F3 B1 .  B2 .  B3
 *            stage 1  .  F0 F1 .  B0 F2 B1 F3 B2 .  B3 .
 *            stage 2  .  .  F0 B0 F1 B1 F2 B2 F3 B3 .  .
 *
 * Gpipe with remat 'always' ('R2' computes the forward of micro-batch 2 again). A stage does not wait for the gradient to begin with that (GPipe 2.3), so only the
 * last stage, which has its gradients at once, delays anybody:
 *
 *            stage 0  F0 F1 F2 F3 R0 .  .  .  .  B0 R1 B1 R2 B2 R3 B3
 *            stage 1  .  F0 F1 F2 F3 R0 .  .  B0 R1 B1 R2 B2 R3 B3 .
 *            stage 2  .  .  F0 F1 F2 F3 R0 B0 R1 B1 R2 B2 R3 B3 .  .
 *
 * Backwards run in the order of the micro-batches, 0 first, in both schedules. Gradients are sums of floats, so their order is part of the result: this one makes
 * both schedules, every number of stages and one process that takes micro-batch after micro-batch agree bit for bit. (torchgpipe runs them last first, which 1F1B cannot.)
 */
export const scheduleKinds = ['gpipe', '1f1b'] as const;
export type ScheduleKind = (typeof scheduleKinds)[number];

/** Which micro-batches keep only their partition's input and compute the rest again before their backward: none, all but the last, all. */
export const remats = ['none', 'except-last', 'always'] as const;
export type Remat = (typeof remats)[number];

export type OperationKind = 'forward' | 'recompute' | 'backward';

/** Whom an operation gives its result to, counted from its own stage; it gets its input from the other side. */
export const receiverOffsets: { readonly [K in OperationKind]: 1 | 0 | -1 } = {
  forward: 1,
  recompute: 0,
  backward: -1,
};

/** One operation of one stage on one micro-batch. */
export interface Operation {
  readonly kind: OperationKind;
  /** From 0. */
  readonly microBatch: number;
}

/** What decides the operations of a step. */
export interface PipelineLayout {
  readonly schedule: ScheduleKind;
  readonly remat: Remat;
  /** K, 1 or more. */
  readonly stageCount: number;
  /** M, 1 or more. */
  readonly microBatchCount: number;
}

/** How many of the micro-batches, from the first on, are computed again. */
const recomputedCounts: { readonly [R in Remat]: (microBatchCount: number) => number } = {
  none: () => 0,
  'except-last': (microBatchCount) => microBatchCount - 1,
  always: (microBatchCount) => microBatchCount,
};

export function recomputedCount({ remat, microBatchCount }: Pick<PipelineLayout, 'remat' | 'microBatchCount'>): number {
  return recomputedCounts[remat](microBatchCount);
}

/** Micro-batches that a stage holds at most between their forward and the end of their backward. */
const liveCounts: { readonly [S in ScheduleKind]: (layout: PipelineLayout, stage: number) => number } = {
  gpipe: ({ microBatchCount }) => microBatchCount,
  '1f1b': ({ stageCount, microBatchCount }, stage) => Math.min(microBatchCount, stageCount - stage),
};

export function liveCount(layout: PipelineLayout, stage: number): number {
  return liveCounts[layout.schedule](layout, stage);
}

/** The operations of stage `stage` in their order. A stage fills up to what it may hold, then gives one back for each that it takes. */
export function stageOperations(layout: PipelineLayout, stage: number): readonly Operation[] {
  const { microBatchCount } = layout;
  const live = liveCount(layout, stage);
  const operations: Operation[] = [];
  for (let clock = 0; clock < microBatchCount + live - 1; clock++) {
    if (clock < microBatchCount) operations.push({ kind: 'forward', microBatch: clock });
    const microBatch = clock - live + 1;
    if (microBatch < 0) continue;
    if (microBatch < recomputedCount(layout)) operations.push({ kind: 'recompute', microBatch });
    operations.push({ kind: 'backward', microBatch });
  }
  return operations;
}

/** The operations of every stage, by stage. */
export function pipelineOperations(layout: PipelineLayout): readonly (readonly Operation[])[] {
  return Array.from({ length: layout.stageCount }, (_, stage) => stageOperations(layout, stage));
}

/** Micro-batch i on stage j. */
export interface ClockTask {
  readonly microBatch: number;
  readonly stage: number;
}

/**
 * The clock cycles of GPipe's forward: in cycle k run all (i, j) with i + j = k, i in 0..M-1, j in 0..K-1; there are M + K - 1. Backward is the same with the stages
 * turned round. For M = 4, K = 3, as ij:
 *
 *   clock     0   1   2   3   4   5
 *   stage 0   00  10  20  30
 *   stage 1       01  11  21  31
 *   stage 2           02  12  22  32
 */
export function* clockCycles(microBatchCount: number, stageCount: number): Generator<readonly ClockTask[]> {
  for (let clock = 0; clock < microBatchCount + stageCount - 1; clock++) {
    const [first, end] = [Math.max(0, clock - microBatchCount + 1), Math.min(clock + 1, stageCount)];
    yield Array.from({ length: end - first }, (_, at) => ({ microBatch: clock - first - at, stage: first + at }));
  }
}
