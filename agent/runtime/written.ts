/** Files of Graphs, written once for all passes of a measurement: each pass loads the same model afresh. */
import type { GraphModel } from './runtime.js';

/** `write`, but that it is done once for each model; what it gave is forgotten with the model. */
export function writtenOnce(write: (model: GraphModel) => Uint8Array): (model: GraphModel) => Uint8Array {
  const written = new WeakMap<GraphModel, Uint8Array>();
  return (model) => {
    const bytes = written.get(model) ?? write(model);
    written.set(model, bytes);
    return bytes;
  };
}
