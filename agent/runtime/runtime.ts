/** Runtime: what an agent measures with. Loads a model file into a session that runs it; knows nothing of time. */
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';

export interface Runtime {
  readonly key: RuntimeKey;
  /** Throws `RUNTIME_REFUSED` where the runtime cannot load the model. */
  load(model: Uint8Array): Session;
}

/** A loaded model. */
export interface Session {
  /** The inputs, to be written by the caller; zeros at first. */
  readonly inputs: readonly Float32Array[];
  /** The outputs of the last run. */
  readonly outputs: readonly Float32Array[];
  /** Copies the inputs in, runs the model once, copies the outputs out; returns when it is done. */
  run(): void;
  /** Nothing may be called after it. */
  close(): void;
}
