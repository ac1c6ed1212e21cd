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
 * Zero-bubble parts the backward in two (Qi et al. 2024, arXiv 2401.10241, ZB-H2): 'I2' computes the gradients of the inputs, for which the stage before waits, 'W2' those of
 * the weights, which have time, and fills with them what the others leave idle. The first stage, for which nobody waits, computes both at once:
 *
 *   zero-    stage 0  F0 F1 F2 F3 .  B0 -- B1 -- B2 -- B3 -- .
 *   bubble   stage 1  .  F0 F1 F2 I0 F3 I1 .  I2 W0 I3 W1 W2 W3
 *            stage 2  .  .  F0 I0 F1 I1 F2 I2 F3 I3 W0 W1 W2 W3
 *
 * Backwards run in the order of the micro-batches, 0 first, in all schedules. Gradients are sums of floats, so their order is part of the result: this one makes
 * all schedules, every number of stages and one process that takes micro-batch after micro-batch agree bit for bit. (torchgpipe runs them last first, which 1F1B cannot.)
 */
export const scheduleKinds = ['gpipe', '1f1b', 'zero-bubble'] as const;
export type ScheduleKind = (typeof scheduleKinds)[number];
/** What may be asked for; `auto`: the one with the shortest predicted step. */
export const scheduleChoices = ['auto', ...scheduleKinds] as const;
export type ScheduleChoice = (typeof scheduleChoices)[number];

/** Which micro-batches keep only their partition's input and compute the rest again before their backward: none, all but the last, all. */
export const remats = ['none', 'except-last', 'always'] as const;
export type Remat = (typeof remats)[number];

/** A backward is the gradients of the inputs and those of the weights at once. */
export const operationKinds = ['forward', 'recompute', 'backward', 'inputGradients', 'weightGradients'] as const;
export type OperationKind = (typeof operationKinds)[number];

/** Whom an operation gives its result to, counted from its own stage; it gets its input from the other side. */
export const receiverOffsets: { readonly [K in OperationKind]: 1 | 0 | -1 } = {
  forward: 1,
  recompute: 0,
  backward: -1,
  inputGradients: -1,
  weightGradients: 0,
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

/** Forwards that a stage runs before its first backward, if there are so many. */
const filledCounts: { readonly [S in ScheduleKind]: (layout: PipelineLayout, stage: number) => number } = {
  gpipe: ({ microBatchCount }) => microBatchCount,
  '1f1b': ({ stageCount }, stage) => stageCount - stage,
  'zero-bubble': ({ stageCount }, stage) => 2 * (stageCount - stage) - 1,
};

const weightDelays: { readonly [S in ScheduleKind]: (stage: number) => number | null } = {
  gpipe: () => null,
  '1f1b': () => null,
  'zero-bubble': (stage) => (stage === 0 ? null : 2 * stage),
};

/** So many micro-batches later than the gradients of its inputs a stage computes those of its weights; null where it computes both at once. */
export function weightDelay({ schedule }: PipelineLayout, stage: number): number | null {
  return weightDelays[schedule](stage);
}

/** Micro-batches that a stage holds at most between their forward and the end of their gradients. */
export function liveCount(layout: PipelineLayout, stage: number): number {
  const filled = filledCounts[layout.schedule](layout, stage);
  return Math.min(layout.microBatchCount, filled + (weightDelay(layout, stage) ?? 0));
}

/** The operations of stage `stage` in their order. A stage fills up to what it may hold, then gives one back for each that it takes. */
export function stageOperations(layout: PipelineLayout, stage: number): readonly Operation[] {
  const { schedule, microBatchCount } = layout;
  const filled = Math.min(microBatchCount, filledCounts[schedule](layout, stage));
  const delay = weightDelay(layout, stage);
  const operations: Operation[] = [];
  const add = (kind: OperationKind, microBatch: number) => {
    if (microBatch >= 0 && microBatch < microBatchCount) operations.push({ kind, microBatch });
  };
  for (let clock = 0; clock < microBatchCount + filled - 1 + (delay ?? 0); clock++) {
    const turned = clock - filled + 1;
    add('forward', clock);
    if (turned < recomputedCount(layout)) add('recompute', turned);
    add(delay === null ? 'backward' : 'inputGradients', turned);
    if (delay !== null) add('weightGradients', turned - delay);
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
