/** Runtime: what an agent measures with. Loads a model into a session that runs it; knows nothing of time. */
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Graph } from '@bespoke/shared/graph/graph.js';
import type { Shape } from '@bespoke/shared/graph/tensor.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';

/** An inference Graph, which each runtime brings into its own format, or the bytes of an exported file. */
export type Model =
  | { readonly kind: 'graph'; readonly graph: Graph; readonly weights: Weights; readonly batch: number }
  | { readonly kind: 'file'; readonly format: 'tflite'; readonly bytes: Uint8Array };
export type GraphModel = Extract<Model, { kind: 'graph' }>;

export interface Runtime {
  readonly key: RuntimeKey;
  /** How feature maps lie in the inputs and outputs of its sessions: as the runtime takes them, so that no copy turns them round. */
  readonly layout: 'NHWC' | 'NCHW';
  /** Throws `RUNTIME_REFUSED` where the runtime cannot load the model. */
  load(model: Model): Promise<Session>;
  /**
   * A model that does nothing but take inputs and give outputs of these shapes, batch included: what it takes is the
   * invocation's share, and that of copies where they are made with every run, of every other model's time.
   */
  loadEmpty(inputShapes: readonly Shape[], outputShapes: readonly Shape[]): Promise<Session>;
}

/** What a process does with the sessions of a runtime, all of them and for good. */
export interface Use {
  readonly readsOutputs: boolean;
}

/** A loaded model. */
export interface Session {
  /** The inputs, to be written by the caller; zeros at first. */
  readonly inputs: readonly Float32Array[];
  /** The outputs of the last run, where the process reads them; before the first, arrays of their lengths. */
  readonly outputs: readonly Float32Array[];
  /**
   * `count` times: copies the inputs in, runs the model, copies the outputs out. All is done when it returns or, where the
   * runtime works elsewhere, when the promise resolves. Where the process reads no outputs, they may be left, and inputs copied in only with the first run after a model was loaded.
   */
  run(count: number): void | Promise<void>;
  /** Nothing may be called after it. */
  close(): void;
}

/** For runtimes that read no file of ours. Throws `RUNTIME_REFUSED`. */
export function graphOf(model: Model, { runtime }: RuntimeKey): GraphModel {
  if (model.kind === 'graph') return model;
  throw new AppError('RUNTIME_REFUSED', { runtime, problem: `it reads no .${model.format} files` });
}
