/**
 * StageRunner: what one stage of a pipeline computes, as its process sees it. The process brings the operations in order, the inputs and the gradients; the runner
 * knows nothing of neighbours, sockets or faults.
 *
 *   begin(n) ─▶ forward, recompute, backward of the micro-batches ─▶ finish ─▶ commit(n) ─▶ begin(n + 1)
 *                                    └────────────── abort ──────────────┘ (as if begin had not been called)
 */
import type { Shape } from '@bespoke/shared/graph/tensor.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';

/** What goes over a boundary: `shape` is [N, ...], N samples of a micro-batch. */
export interface StageTensor {
  readonly shape: Shape;
  readonly values: Float32Array;
}

/** Numbers by name that are summed over all stages in the order of the stages, e.g. a loss or a squared gradient norm. */
export type Figures = Readonly<Record<string, number>>;

/** By name, over all stages in their order. */
export function sumFigures(parts: readonly Figures[]): Figures {
  const total: Record<string, number> = {};
  for (const figures of parts)
    for (const [name, value] of Object.entries(figures)) total[name] = (total[name] ?? 0) + value;
  return total;
}

/**
 * All that a step computes must be a function of the committed state, the step's number and the inputs: a step is replayed after a fault. The state moves in `commit`
 * and `restore` alone. What it throws ends the training, because it would throw it again.
 */
export interface StageRunner {
  /** Opens step `step` (1 for the first one). */
  begin(step: number): Promise<void>;
  /** Outputs for the next stage; none at the last. The first stage gets no inputs: its data are a function of the step and the micro-batch. The inputs are the runner's to keep. */
  forward(microBatch: number, inputs: readonly StageTensor[]): Promise<readonly StageTensor[]>;
  /** Computes again what backward of the micro-batch needs. */
  recompute(microBatch: number): Promise<void>;
  /** Adds to the step's gradients; returns those of the inputs, none at the first stage. The last stage gets none: it has the loss. */
  backward(microBatch: number, gradients: readonly StageTensor[]): Promise<readonly StageTensor[]>;
  /** The half of `backward` that the stage before waits for: the gradients of the inputs. */
  inputGradients(microBatch: number, gradients: readonly StageTensor[]): Promise<readonly StageTensor[]>;
  /** The other half, later: adds to the step's gradients. */
  weightGradients(microBatch: number): Promise<void>;
  /** After the last backward: what the coordinator sums, and all stages must know before they commit where they commit together. */
  finish(): Promise<Figures>;
  /** Moves the state to that after step `step`; `figures` are the sums over all stages where they commit together, none where each commits by itself. */
  commit(step: number, figures: Figures): Promise<void>;
  /** Forgets the open step, if there is one. */
  abort(): Promise<void>;
  /**
   * The state of the last commit by global names: weights, statistics, optimizer. It may be asked for within the next step, whose forwards and backwards may run before it resolves; commit and restore
   * wait for it.
   */
  state(): Promise<Weights>;
  /** Takes the state that `state` gave, or that was dealt out from such. */
  restore(state: Weights): Promise<void>;
}

/** What a stage's module exports: `openStage`. It starts in its initial state, which must be a function of `options`. */
export interface StageModule {
  openStage(options: unknown): Promise<StageRunner>;
}
