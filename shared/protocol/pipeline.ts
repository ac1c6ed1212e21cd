/** What a pipelined training shows of itself: the plan that it runs by, and one recent step as it ran. */

/** The ways to train that a plan compares. */
export type StrategyView = 'pipeline' | 'one-process' | 'data-parallel';

/** One partition of the network, predicted; times of one micro-batch. */
export interface PipelineStageView {
  /** Ids of its blocks, in order. */
  readonly blocks: readonly string[];
  readonly forwardMs: number;
  readonly backwardMs: number;
  /** At its peak. */
  readonly byteCount: number;
}

export interface PipelinePlanView {
  /** Why there is this plan. */
  readonly reason: 'measured' | 'resumed' | 're-cut';
  readonly schedule: 'gpipe' | '1f1b' | 'zero-bubble';
  readonly remat: 'none' | 'except-last' | 'always';
  readonly microBatchCount: number;
  readonly stages: readonly PipelineStageView[];
  /** What a partition may take; null for anything. */
  readonly capBytes: number | null;
  readonly stepMs: number;
  readonly idleShare: number;
  /** Predicted step of each way to train (of one process: measured); null where it is not known or does not fit. */
  readonly stepMsBy: Readonly<Record<StrategyView, number | null>>;
  readonly fastest: StrategyView;
}

/** A span of a stage's time: an operation on a micro-batch, or a transfer to or from a neighbour. */
export interface PipelineSpan {
  readonly stage: number;
  readonly kind: 'forward' | 'recompute' | 'backward' | 'inputGradients' | 'weightGradients' | 'send' | 'recv';
  readonly microBatch: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** Shares of the stages' time in a step; they add up to 1. docs/training.md says what each means. */
export interface StepSharesView {
  readonly busy: number;
  readonly bubble: number;
  readonly imbalance: number;
  readonly transport: number;
  readonly other: number;
}

/** One step as it ran. */
export interface PipelineStepView {
  /** From 1. */
  readonly step: number;
  readonly stepMs: number;
  /** Of the latest steps, this one among them. */
  readonly medianStepMs: number;
  readonly shares: StepSharesView;
  /** From the start of the step's first operation. */
  readonly spans: readonly PipelineSpan[];
}

export interface PipelineView {
  readonly plan: PipelinePlanView;
  /** The last that was told; null before the first. */
  readonly step: PipelineStepView | null;
}
