/**
 * Engine: what runs and trains Graphs, kept apart from what searches. A search samples, prices and decides in plain
 * TypeScript; an engine only runs the paths that it is told to run.
 */
import type { Graph } from '@bespoke/shared/graph/graph.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import type { SearchSpace } from '../search/space.js';
import type { PackedDataset, Split } from './data/packed.js';
import type { SupernetRecipe, TrainRecipe } from './recipe.js';

export interface EngineDescription {
  readonly engine: 'tfjs';
  readonly backend: 'tensorflow' | 'wasm';
  readonly version: string;
}

/** One candidate index per slot. */
export type Path = readonly number[];

export interface StepResult {
  /** Mean cross-entropy of the batch, without label smoothing. */
  readonly loss: number;
  /** Share of the batch that is right, 0..1. */
  readonly accuracy: number;
}

export interface Evaluation {
  readonly loss: number;
  /** Top-1, 0..1. */
  readonly accuracy: number;
  readonly count: number;
}

/** For each slot, dL/dg of the asked candidates (in the order asked), summed over batch, height, width, channels. */
export interface GateGradients extends StepResult {
  readonly gradients: readonly (readonly number[])[];
}

export interface TrainProgress {
  readonly step: number;
  readonly stepCount: number;
  readonly loss: number;
  readonly accuracy: number;
}

export interface Engine {
  describe(): EngineDescription;
  /** `directory` is where its checkpoints lie. Same seed, same supernet. */
  openSupernet(space: SearchSpace, data: PackedDataset, recipe: SupernetRecipe): Promise<Supernet>;
  /** Trains from the initial weights that `recipe.seed` gives, on split `train`. */
  train(graph: Graph, data: PackedDataset, recipe: TrainRecipe, hooks?: TrainHooks): Promise<Weights>;
  /** How far the untrained network, with the weights that `seed` gives, tells samples of split `train` apart (tfjs/zero-cost.ts): more is better, the scale is its own. */
  zeroCostScore(graph: Graph, data: PackedDataset, seed: number): Promise<number>;
  /** Moving batch-norm statistics; no augmentation. */
  evaluate(graph: Graph, weights: Weights, data: PackedDataset, split: Split): Promise<Evaluation>;
  /** Logits [count, classes] of normalized inputs, in evaluation form: for the parity check of an exported file. */
  predict(graph: Graph, weights: Weights, images: Uint8Array, data: PackedDataset): Promise<Float32Array>;
}

export interface TrainHooks {
  onProgress?(progress: TrainProgress): void;
  /** Where name and shape agree, the training begins with these. A checkpoint does not know them: not with `checkpointDirectory`. */
  initialWeights?: Weights;
  /** Where to keep a checkpoint that a later call with the same arguments goes on from; none where absent. */
  checkpointDirectory?: string;
  /** At most so often. */
  checkpointEveryMs?: number;
  /** Once aborted, the training throws the signal's reason before its next step. */
  signal?: AbortSignal;
  /** Once aborted, the training ends before its next step, with the weights that it has: the learning rate has not come to its end. A checkpoint is written then, too. */
  stop?: AbortSignal;
}

/** Every batch, augmentation and gate is drawn from streams keyed by (seed, purpose, step), so a restored supernet goes on as if never stopped. */
export interface Supernet {
  /** One step of the sampled path's weights on batch `step` of split `train`: forward, backward, SGD; weights off the path do not move. */
  weightStep(path: Path, step: number): Promise<StepResult>;
  /** dL/dg on batch `step` of split `search`, for the asked candidates of each slot; `path[slot]` is active. Weights do not move. */
  gateGradients(path: Path, candidates: readonly (readonly number[])[], step: number): Promise<GateGradients>;
  /** The path's accuracy on split `search` (at most `limit` samples), batch norm by batch statistics. */
  validate(path: Path, limit?: number): Promise<Evaluation>;
  /** Weights and optimizer state, into `directory`, atomically. */
  save(directory: string): Promise<void>;
  restore(directory: string): Promise<void>;
  dispose(): void;
}
